// Sends the messages that stand in stdin (a JSON array of texts) with an independent library, and prints what each
// was told: one line of JSON, an array of [MSA-1, MSA-2]. Usage: node send.mjs LIBRARY PORT
import { readFileSync } from 'node:fs';

const [, , library, port] = process.argv;
const messages = JSON.parse(readFileSync(0, 'utf8'));

async function medplum() {
  const { Hl7Message } = await import('@medplum/core');
  const { Hl7Client } = await import('@medplum/hl7');
  const client = new Hl7Client({ host: '127.0.0.1', port: Number(port), keepAlive: true });
  const answers = [];
  for (const text of messages) {
    // one after the other: the library takes all answers of one read for a single message
    answers.push(await client.sendAndWait(Hl7Message.parse(text)));
  }
  await client.close();
  return answers.map((answer) => {
    const msa = answer.getSegment('MSA');
    return [msa.getField(1).toString(), msa.getField(2).toString()];
  });
}

async function nodeHl7Client() {
  const { Client, Message } = await import('node-hl7-client');
  const told = [];
  const client = new Client({ host: '127.0.0.1' });
  await new Promise((resolve, reject) => {
    const next = () => line.sendMessage(new Message({ text: messages[told.length] })).catch(reject);
    const line = client.createConnection({ port: Number(port), waitAck: true }, async (answer) => {
      const message = answer.getMessage();
      told.push([message.get('MSA.1').toString(), message.get('MSA.2').toString()]);
      setImmediate(told.length < messages.length ? next : resolve);
    });
    line.on('client.error', reject);
    line.on('connect', next);
  });
  client.closeAll();
  return told;
}

const told = await { '@medplum/hl7': medplum, 'node-hl7-client': nodeHl7Client }[library]();
console.log(JSON.stringify(told));
process.exit(0);
