/**
 * The options of the HTTP sink: thirty forms of URL that hide something, and what else is refused,
 * with the key and a way out, and never with a secret.
 * Deliberately unknown here: what the sink does with them.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { placeOfUrl } from '../../src/domain/hook-url.ts';
import { OptionError } from '../../src/domain/option-error.ts';
import { schemaOf } from '../../src/domain/option-schema.ts';
import { HTTP_SINK_OPTIONS, parseHttpSinkConfig } from '../../src/domain/options-hook-http.ts';

const parse = (options: object) => parseHttpSinkConfig(options, "setup.logHook 'webhook' http");
const at = (url: unknown, options: object = {}) => parse({ url, ...options });

const REFUSED_URLS: readonly (readonly [unknown, RegExp])[] = [
  ['http://169.254.169.254/latest/meta-data', /169\.254\.169\.254 is a link-local or metadata/],
  ['http://169.254.169.254./', /unusual form; write 169\.254\.169\.254/],
  ['http://[::ffff:169.254.169.254]/', /169\.254\.169\.254 is a link-local/],
  ['http://[::ffff:a9fe:a9fe]/', /169\.254\.169\.254 is a link-local/],
  ['http://[64:ff9b::a9fe:a9fe]/', /is a link-local or metadata/],
  ['http://[2002:a9fe:a9fe::]/', /is a link-local or metadata/],
  ['http://[::a9fe:a9fe]/', /is a link-local or metadata/],
  ['http://[fe80::1]/', /is a link-local or metadata/],
  ['http://[fd00:ec2::254]/', /is a link-local or metadata/],
  ['http://2852039166/', /unusual form/],
  ['http://0xa9fea9fe/', /unusual form/],
  ['http://0xa9.0xfe.0xa9.0xfe/', /unusual form/],
  ['http://0251.0376.0251.0376/', /unusual form/],
  ['http://169.254.43518/', /unusual form/],
  ['http://169.16689662/', /unusual form/],
  ['http://127.1/', /unusual form; write 127\.0\.0\.1/],
  ['http://0177.0.0.1/', /unusual form/],
  ['http://①②⑦.⓪.⓪.①/', /unusual form/],
  ['http://169%2e254%2e169%2e254/', /unusual form/],
  ['http://exa%6dple.com/', /percent signs/],
  ['http://0.0.0.0/', /is a link-local or metadata/],
  ['http://0/', /unusual form/],
  ['http://[::]/', /is a link-local or metadata/],
  ['http://100.100.100.200/', /is a link-local or metadata/],
  ['http://user:canary@example.com/', /has a log-in; remove it and use the option auth/],
  ['http://canary@169.254.169.254/', /has a log-in/],
  ['http://example.com\\@169.254.169.254/', /backslashes/],
  ['http://example.com#@169.254.169.254/', /fragment/],
  ['http://example.com:80@169.254.169.254:80/', /has a log-in/],
  ['http://example.com /', /blanks/],
  ['http://example.com/\r\nX-Evil: 1', /control characters/],
  ['\thttp://example.com/', /blanks/],
  ['file:///etc/passwd', /not a URL of HTTP/],
  ['gopher://127.0.0.1:25/', /not a URL of HTTP/],
  ['ftp://example.com/', /not a URL of HTTP/],
  ['javascript:alert(1)', /not a URL of HTTP/],
  ['//example.com/', /not a URL of HTTP/],
  ['/log', /not a URL of HTTP/],
  ['http:/example.com/', /not a URL of HTTP/],
  ['http:example.com', /not a URL of HTTP/],
  ['http://', /not a URL of HTTP/],
  ['http://:80/', /not a URL of HTTP/],
  ['http://example.com:99999/', /not a URL of HTTP/],
  ['http://example.com:0/', /port is 0/],
  ['http://[::1/', /not a URL of HTTP/],
  [`http://example.com/${'a'.repeat(3_000)}`, /too long/],
  ['', /not a URL/],
  [7, /not a URL/],
];

test('URLs that hide something are refused, and never shown', () => {
  assert.ok(REFUSED_URLS.length >= 30);
  for (const [url, expected] of REFUSED_URLS) {
    assert.throws(
      () => at(url),
      (error) => {
        assert.ok(error instanceof OptionError, String(url));
        assert.match(error.message, expected, String(url));
        assert.match(error.message, /^setup\.logHook 'webhook' http: url: /);
        assert.doesNotMatch(error.message, /canary|Evil/);
        return true;
      },
    );
  }
});

test('URLs as people mean them are taken', () => {
  const taken: readonly (readonly [string, string])[] = [
    ['http://10.0.0.1:4242/log', 'http://10.0.0.1:4242/log'],
    ['http://127.0.0.1:4242/log', 'http://127.0.0.1:4242/log'],
    ['http://[::1]:8080', 'http://[::1]:8080/'],
    ['HTTPS://Example.COM/Path', 'https://example.com/Path'],
    ['https://example.com.:443/', 'https://example.com./'],
    ['https://例え.jp/hook', 'https://xn--r8jz45g.jp/hook'],
    ['https://example.com/in?token=a%20b&c=@', 'https://example.com/in?token=a%20b&c=@'],
    ['http://localhost/', 'http://localhost/'],
    ['https://example.com?x=1', 'https://example.com/?x=1'],
  ];
  for (const [url, expected] of taken) assert.equal(at(url).url, expected);
  assert.equal(placeOfUrl('https://example.com/in?token=secret'), 'https://example.com/in');
});

test('a forbidden address is taken where the operator lists it', () => {
  const url = 'http://169.254.10.1/log';
  assert.equal(at(url, { allow_addresses: ['169.254.10.0/24'] }).url, url);
  assert.throws(
    () => at(url, { allow_addresses: ['169.254.11.0/24'] }),
    /list it in allow_addresses/,
  );
});

const GOOD = 'https://example.com/';
const SECRET = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;

test('defaults are those of the reference where it has any', () => {
  assert.deepEqual(at(GOOD), {
    url: GOOD,
    method: 'POST',
    content: 'json',
    headers: {},
    gzip: false,
    timeout: 60_000,
    connect_timeout: 10_000,
    tls: { insecure: false },
    allow_addresses: [],
  });
  assert.throws(() => parse({}), /url: is missing/);
});

test('secrets are read as such: themselves, a path, a table', () => {
  const secrets = (given: unknown) => at(GOOD, { signing_secret: given }).signing_secret;
  assert.deepEqual(secrets(SECRET), [{ key_data: SECRET }]);
  assert.deepEqual(secrets('keys/hook'), [{ path: 'keys/hook' }]);
  assert.deepEqual(secrets([{ env: 'HOOK' }, { key_data: SECRET.slice(6) }]), [
    { env: 'HOOK' },
    { key_data: SECRET.slice(6) },
  ]);
});

const REFUSED: readonly (readonly [object, RegExp])[] = [
  [{ method: 'GET' }, /method: 'GET' is not one of POST, PUT/],
  [{ content: 'xml' }, /content: /],
  [{ cloudevents: 'binary' }, /cloudevents: /],
  [{ cloudevents: 'structured', content: 'ndjson' }, /cloudevents: envelopes are JSON/],
  [{ timeout: '50ms' }, /timeout: '50ms' is not within 100ms and 10m/],
  [{ connect_timeout: '1h' }, /connect_timeout: '1h' is not within/],
  [{ gzip: 'yes' }, /gzip: 'yes' is not a truth value/],
  [
    { signing_secret: 'whsec_canary' },
    /signing_secret: this is not a signing secret; use 'whsec_'/,
  ],
  [{ signing_secret: { key_data: 'canary' } }, /signing_secret: this is not a signing secret/],
  [{ signing_secret: [] }, /signing_secret: there are 0 signing secrets; give from 1 to 8/],
  [{ signing_secret: Array(9).fill(SECRET) }, /there are 9 signing secrets/],
  [{ signing_secret: { env: 'canary is no name' } }, /not the name of an environment variable/],
  [{ signing_secret: { vault_path: 'canary' } }, /not the source of a secret/],
  [{ headers: { 'a b': 'c' } }, /headers: 'a b' is not the name of a header/],
  [{ headers: { a: 'b\r\nc: d' } }, /headers\.'a': the text has control characters/],
  [{ headers: { a: 'é' } }, /headers: the value of 'a' has characters that a header cannot carry/],
  [{ headers: { 'Content-Length': '1' } }, /'Content-Length' is set by the sink itself; remove it/],
  [{ headers: { 'Webhook-Id': '1' } }, /'Webhook-Id' is set by the sink itself/],
  [{ headers: { HOST: 'x' } }, /'HOST' is set by the sink itself/],
  [{ headers: { a: '1', A: '2' } }, /headers: a header is there twice/],
  [{ headers: { a: { key_data: 'canary\n' } } }, /the value of 'a' has characters/],
  [{ auth: {} }, /auth: is neither bearer alone nor username with password/],
  [{ auth: { username: 'u' } }, /auth\.password: is missing/],
  [{ auth: { password: { key_data: 'canary' } } }, /auth\.username: is missing/],
  [{ auth: { bearer: 'f', username: 'u', password: 'f' } }, /auth: is neither/],
  [{ auth: { username: 'a:b', password: 'f' } }, /auth\.username: has a colon/],
  [{ auth: { bearer: 'f' }, headers: { Authorization: 'x' } }, /authorization beside auth/],
  [{ tls: { certificate: 'c' } }, /tls\.private_key: is missing/],
  [{ tls: { private_key: 'c' } }, /tls\.certificate: is missing/],
  [{ tls: { insecure: true, ca: 'c' } }, /tls\.insecure: takes any certificate/],
  [{ url: 'http://example.com/', tls: { ca: 'c' } }, /tls: means nothing for an http URL/],
  [{ allow_addresses: ['169.254.0.1/16'] }, /allow_addresses/],
  [{ timeuot: '1s' }, /timeuot: is not an option here; did you mean 'timeout'\?/],
];

test('what cannot be meant is refused with its key, without secrets', () => {
  for (const [options, expected] of REFUSED) {
    assert.throws(
      () => parse({ url: GOOD, ...options }),
      (error) => {
        assert.ok(error instanceof OptionError, JSON.stringify(options));
        assert.match(error.message, expected);
        assert.doesNotMatch(error.message, /canary(?! is no name)/);
        return true;
      },
    );
  }
});

test('a config is plain data that another thread can be given', () => {
  const full = at(GOOD, {
    signing_secret: SECRET,
    headers: { a: 'b', c: { env: 'C' } },
    auth: { bearer: { path: 'token' } },
    tls: { ca: 'ca.pem' },
    allow_addresses: ['169.254.10.0/24'],
  });
  assert.deepEqual(structuredClone(full), full);
  assert.equal(schemaOf(HTTP_SINK_OPTIONS)['additionalProperties'], false);
});
