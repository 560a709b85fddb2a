// Receives messages with an independent library and answers each AA. Prints its port, and when stdin ends the messages
// as it read them: one line of JSON. Usage: node receive.mjs LIBRARY
import { once } from 'node:events';
import { createServer } from 'node:net';

const library = process.argv[2];
const heard = [];

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

async function medplum() {
  const { Hl7Server } = await import('@medplum/hl7');
  const server = new Hl7Server((connection) => {
    connection.addEventListener('message', ({ message }) => {
      heard.push(message.toString());
      connection.send(message.buildAck());
    });
  });
  server.start(0);
  await once(server.server, 'listening');
  return server.server.address().port;
}

async function nodeHl7Server() {
  const { Server } = await import('node-hl7-server');
  const port = await freePort();
  const server = new Server({ bindAddress: '127.0.0.1' });
  const inbound = server.createInbound({ port }, async (request, response) => {
    heard.push(request.getMessage().toString());
    await response.sendResponse('AA');
  });
  await once(inbound, 'listen');
  return port;
}

console.log(await { '@medplum/hl7': medplum, 'node-hl7-server': nodeHl7Server }[library]());
process.stdin.resume();
await once(process.stdin, 'end');
console.log(JSON.stringify(heard));
process.exit(0);
