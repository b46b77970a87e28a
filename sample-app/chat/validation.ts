import { ValidationPipe } from '@nestjs/common';
import { WsException } from '@nestjs/websockets';

/** The stock pipe; what is wrong reaches the client as the failure answer to its message. */
export const messageValidation = new ValidationPipe({
  whitelist: true,
  transform: true,
  exceptionFactory: (errors) => {
    const reasons = errors.flatMap((error) => Object.values(error.constraints ?? {}));
    return new WsException(reasons[0] ?? 'The message is not valid.');
  },
});
