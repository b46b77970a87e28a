module.exports = require('nestjs-redis-backplane');
