import 'reflect-metadata';
import cluster from 'node:cluster';
import type { LogLevel } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';
import { pageFolder } from './http/page.js';
import { securityHeaders } from './http/security-headers.js';

// In the pool, Ctrl-C is the pool's affair: it tells its workers when to end.
const stopSignals = cluster.isWorker ? ['SIGTERM'] : ['SIGTERM', 'SIGINT'];
if (cluster.isWorker) process.on('SIGINT', () => {});

const levels: LogLevel[] =
  process.env.LOG_LEVEL === 'warn' ? ['fatal', 'error', 'warn'] : ['fatal', 'error', 'warn', 'log'];

const app = await NestFactory.create<NestExpressApplication>(AppModule, { logger: levels });
app.disable('x-powered-by');
app.use(securityHeaders);
app.useStaticAssets(pageFolder);
app.enableShutdownHooks(stopSignals);
const config = app.get(ConfigService);
const port = config.get<string>('PORT', '3000');
await app.listen(port, config.get<string>('HOST', '127.0.0.1'));
if (!cluster.isWorker) console.log(`The chat is at ${await app.getUrl()}`);
