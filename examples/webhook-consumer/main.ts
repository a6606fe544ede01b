/**
 * Runs the consumer: WEBHOOK_SECRETS (blank between two), WEBHOOK_JOURNAL, WEBHOOK_PORT.
 * Deliberately unknown here: everything but the environment.
 */
import { createConsumer } from './consumer.ts';
import { openJournal } from './journal.ts';

const secrets = (process.env['WEBHOOK_SECRETS'] ?? '').split(' ').filter(Boolean);
const path = process.env['WEBHOOK_JOURNAL'] ?? 'records.jsonl';
const port = Number(process.env['WEBHOOK_PORT'] ?? 4242);

if (secrets.length === 0) {
  console.error("set WEBHOOK_SECRETS to the hook's signing_secret (whsec_...)");
  process.exit(64);
}

createConsumer({ journal: openJournal(path), secrets }).listen(port, '127.0.0.1', () => {
  console.log(`taking records on http://127.0.0.1:${port}/ into ${path}`);
});
