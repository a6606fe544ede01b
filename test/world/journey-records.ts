/**
 * Bodies of records of messages as the engine writes them, for logs that are written by hand. Knows
 * neither logs nor what is asked of them.
 */

/** Of `message.accepted`, version 3. */
export const acceptedBody = (queue: string, to: string) => ({
  queue,
  from: 'bounces@sender.example',
  to: [to],
  body: [1, 4_096, 512, 305_419_896],
  service: 'esmtp_listener',
  peer: '192.0.2.7:40000',
  helo: 'client.example',
});

/** Of `message.offered`, version 1. */
export const offeredBody = { attempt: 1, source: 'ip-1', site: 'mx.d.example', peer: '', link: 1 };

/** Of `message.delivered`, version 2. */
export const deliveredBody = (to: string, origin: number) => ({
  to: [to],
  index: [0],
  attempt: 1,
  source: 'ip-1',
  site: 'mx.d.example',
  code: 250,
  enhanced: '2.0.0',
  text: 'Ok',
  took: 50,
  origin,
});

/** Of `message.rebound`, version 3. */
export const reboundBody = (from: string, queue: string, origin: number) => ({
  from,
  queue,
  due: 0,
  cause: 'moved',
  origin,
});
