/**
 * The parts of a message in their order: texts as alternatives, what they show inline in a related
 * part around them, attachments in a mixed part outside. The tree is nodemailer's; it is made once
 * for a request and walked to a list of bytes with gaps, one for each text. Knows no templates.
 */
import MimeNode from 'nodemailer/lib/mime-node';
import { encodeBase64 } from '../../mail/transfer-encoding.ts';
import { encodeText } from './body-text.ts';
import { TextFault } from './field-text.ts';
import { LINE_OCTETS_MAX } from './limits.ts';
import type { InjectAttachment } from './request.ts';
import { RequestRefused } from './request.ts';

/** The texts a message can have. */
export const TEXTS = ['text_body', 'amp_html_body', 'html_body'] as const;
/** One of them. */
export type TextName = (typeof TEXTS)[number];

const CONTENT_TYPES: Readonly<Record<TextName, string>> = {
  text_body: 'text/plain; charset=utf-8',
  amp_html_body: 'text/x-amp-html; charset=utf-8',
  html_body: 'text/html; charset=utf-8',
};

/** Bytes that are always the same, or a gap for a text with its part's header. */
export type Piece = string | { readonly text: TextName };

/** An attachment, decoded and checked. */
export interface Attachment {
  readonly type: string;
  readonly bytes: Buffer;
  readonly id: string | undefined;
  readonly name: string | undefined;
}

const TOKEN = "[!#$%&'*+.0-9A-Z^_`a-z{|}~-]+";
const TYPE = new RegExp(`^${TOKEN}/${TOKEN}(?:[ \\t]*;[\\x20-\\x7e]*)?$`);
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
// A content id is what stands between `<` and `>` (RFC 2045 section 7).
const ID = /^[!-;=?-~]{1,255}$/;
const NAME_CHARS_MAX = 255;

/** Reads an attachment; throws RequestRefused with its place. */
export function readAttachment(given: InjectAttachment, index: number): Attachment {
  const refuse = (key: string, problem: string): never => {
    throw new RequestRefused(422, `content.attachments[${index}].${key}: ${problem}`);
  };
  const type = given.content_type;
  if (!TYPE.test(type)) return refuse('content_type', 'is no media type');
  if (/^multipart\//i.test(type)) return refuse('content_type', 'must not be multipart');
  const id = given.content_id?.replace(/^<(.*)>$/s, '$1');
  if (id !== undefined && !ID.test(id)) return refuse('content_id', 'is no content id');
  const name = given.file_name ?? undefined;
  if (name !== undefined && (/[\x00-\x1f\x7f]/.test(name) || name.length > NAME_CHARS_MAX)) {
    return refuse('file_name', 'holds control characters or is too long');
  }
  if (given.base64 === true && !BASE64.test(given.data)) return refuse('data', 'is not base64');
  const bytes = Buffer.from(given.data, given.base64 === true ? 'base64' : 'utf8');
  const isMessage = /^message\//i.test(type);
  if (isMessage && !isPlain(bytes)) {
    return refuse('data', `cannot be encoded as ${type}: must be ASCII in lines of CRLF`);
  }
  return { type, bytes, id, name };
}

// RFC 2046 section 5.2.1: a message within a message is not encoded.
function isPlain(bytes: Buffer): boolean {
  const text = bytes.toString('latin1');
  const isAscii = !/[^\t\r\n\x20-\x7e]/.test(text) && !/\r(?!\n)|(?<!\r)\n/.test(text);
  return isAscii && text.split('\r\n').every((line) => line.length <= LINE_OCTETS_MAX);
}

/** What a message is made of behind its own header, which ends with the first piece. */
export function layOut(texts: readonly TextName[], attachments: readonly Attachment[]): Piece[] {
  const inline = attachments.filter(({ id }) => id !== undefined);
  const beside = attachments.filter(({ id }) => id === undefined);
  let root =
    texts.length === 1 ? leafFor(texts[0] as TextName) : new MimeNode('multipart/alternative');
  if (texts.length > 1) for (const text of texts) root.appendChild(leafFor(text));
  if (inline.length > 0) root = around('multipart/related', root, inline);
  if (beside.length > 0) root = around('multipart/mixed', root, beside);
  // Under another node it is no root any more, which would add fields of its own.
  new MimeNode('multipart/mixed').appendChild(root);
  const pieces: Piece[] = [];
  walk(root, pieces);
  return joined(pieces);
}

function leafFor(text: TextName): MimeNode {
  return new MimeNode(CONTENT_TYPES[text]).setContent(text);
}

function around(type: string, node: MimeNode, attachments: readonly Attachment[]): MimeNode {
  const outer = new MimeNode(type);
  outer.appendChild(node);
  for (const { type: own, bytes, id, name } of attachments) {
    const child = outer.createChild(own, name === undefined ? {} : { filename: name });
    child.setHeader('Content-Disposition', id === undefined ? 'attachment' : 'inline');
    if (id !== undefined) child.setHeader('Content-ID', `<${id}>`);
    if (/^message\//i.test(own)) child.setHeader('Content-Transfer-Encoding', '7bit');
    child.setContent(bytes);
  }
  return outer;
}

function walk(node: MimeNode, pieces: Piece[]): void {
  const { content } = node;
  if (typeof content === 'string') {
    pieces.push({ text: content as TextName });
    return;
  }
  pieces.push(`${node.buildHeaders()}\r\n\r\n`);
  if (Buffer.isBuffer(content)) {
    const isMessage = /^message\//i.test(String(node.getHeader('Content-Type')));
    pieces.push(isMessage ? content.toString('latin1') : encodeBase64(content));
    return;
  }
  for (const child of node.childNodes) {
    pieces.push(`\r\n--${String(node.boundary)}\r\n`);
    walk(child, pieces);
  }
  pieces.push(`\r\n--${String(node.boundary)}--\r\n`);
}

function joined(pieces: readonly Piece[]): Piece[] {
  const out: Piece[] = [];
  for (const piece of pieces) {
    const last = out.at(-1);
    if (typeof piece === 'string' && typeof last === 'string') out[out.length - 1] = last + piece;
    else out.push(piece);
  }
  return out;
}

/** A text as a part, with the header of that part. */
export function formatText(name: TextName, source: string): string {
  if (source.includes('\0')) throw new TextFault(`${name}: must not contain NUL`);
  const { encoding, text } = encodeText(source);
  return (
    `Content-Type: ${CONTENT_TYPES[name]}\r\n` +
    `Content-Transfer-Encoding: ${encoding}\r\n\r\n${text}`
  );
}
