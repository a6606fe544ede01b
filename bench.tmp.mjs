// bench/intake.ts
import { spawn } from "node:child_process";
import { once } from "node:events";

// src/domain/ip.ts
var OCTET = "(0|[1-9]\\d{0,2})";
var V4 = new RegExp(`^${OCTET}\\.${OCTET}\\.${OCTET}\\.${OCTET}$`);
var V6_CHARS_MAX = 45;
function parseIp(text2) {
  if (text2.includes(":")) return parseV6(text2);
  const word = v4Word(text2);
  return word === void 0 ? void 0 : { family: 4, words: [word] };
}
function v4Word(text2) {
  const match = V4.exec(text2);
  if (match === null) return void 0;
  let word = 0;
  for (const part of match.slice(1)) {
    const octet = Number(part);
    if (octet > 255) return void 0;
    word = word * 256 + octet;
  }
  return word;
}
function parseV6(text2) {
  if (text2.length > V6_CHARS_MAX) return void 0;
  const halves = text2.split("::");
  if (halves.length > 2) return void 0;
  const head = groups(halves[0] ?? "", halves.length === 1);
  const tail = halves.length === 1 ? [] : groups(halves[1] ?? "", true);
  if (head === void 0 || tail === void 0) return void 0;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return void 0;
  const all = [...head, ...new Array(missing).fill(0), ...tail];
  const words = [0, 2, 4, 6].map((at) => (all[at] ?? 0) * 65536 + (all[at + 1] ?? 0));
  const isMapped = words[0] === 0 && words[1] === 0 && words[2] === 65535;
  return isMapped ? { family: 4, words: words.slice(3) } : { family: 6, words };
}
function groups(text2, mayEndInV4) {
  if (text2 === "") return [];
  const parts = text2.split(":");
  const values = [];
  for (const [index, part] of parts.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(part)) {
      values.push(Number.parseInt(part, 16));
      continue;
    }
    const word = mayEndInV4 && index === parts.length - 1 ? v4Word(part) : void 0;
    if (word === void 0) return void 0;
    values.push(Math.floor(word / 65536), word % 65536);
  }
  return values;
}

// src/domain/option-error.ts
var OptionValueError = class extends Error {
  problem;
  fix;
  constructor(problem, fix) {
    super(`${problem}; ${fix}`);
    this.name = "OptionValueError";
    this.problem = problem;
    this.fix = fix;
  }
};
var OptionError = class extends Error {
  where;
  key;
  problem;
  fix;
  constructor(where, key, problem, fix) {
    super(oneLine(`${where}: ${key === "" ? "" : `${key}: `}${problem}; ${fix}`));
    this.name = "OptionError";
    this.where = where;
    this.key = key;
    this.problem = problem;
    this.fix = fix;
  }
};
var SHOWN_CHARS_MAX = 80;
function showValue(value) {
  let text2;
  if (typeof value === "string") text2 = `'${value}'`;
  else if (typeof value === "object" && value !== null) text2 = showObject(value);
  else text2 = String(value);
  return oneLine(text2.length > SHOWN_CHARS_MAX ? `${text2.slice(0, SHOWN_CHARS_MAX)}...` : text2);
}
function showObject(value) {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  const keys = Object.keys(value);
  return keys.length === 0 ? "an empty table" : `a table with ${keys.slice(0, 4).join(", ")}`;
}
function oneLine(text2) {
  return text2.replace(/[\p{Cc}\u2028\u2029]+/gu, " ");
}

// src/domain/cidr.ts
var FIX = "write an address or a network like '192.0.2.7', '192.0.2.0/24', '2001:db8::/32'";
function parseCidr(value) {
  if (typeof value !== "string") {
    throw new OptionValueError(`${showValue(value)} is not a network`, FIX);
  }
  const slash = value.indexOf("/");
  const ip = parseIp(slash < 0 ? value : value.slice(0, slash));
  if (ip === void 0) throw new OptionValueError(`'${value}' is not a network`, FIX);
  const bits = ip.words.length * 32;
  const prefix = slash < 0 ? bits : prefixOf(value, slash, bits);
  const strays = ip.words.some((word, at) => keepBits(word, prefix - at * 32) !== word);
  if (strays) {
    throw new OptionValueError(`'${value}' has bits set beyond its prefix`, "zero the host bits");
  }
  return { text: value, family: ip.family, words: ip.words, prefix };
}
function prefixOf(value, slash, bits) {
  const text2 = value.slice(slash + 1);
  const isMapped = bits === 32 && value.slice(0, slash).includes(":");
  const prefix = /^(0|[1-9]\d{0,2})$/.test(text2) ? Number(text2) - (isMapped ? 96 : 0) : -1;
  if (prefix < 0 || prefix > bits) {
    throw new OptionValueError(`'${value}' has a wrong prefix length`, FIX);
  }
  return prefix;
}
function matches(list, address) {
  if (list.length === 0) return false;
  const ip = parseIp(address);
  return ip !== void 0 && list.some((cidr) => contains(cidr, ip));
}
function contains(cidr, ip) {
  if (cidr.family !== ip.family) return false;
  return cidr.words.every(
    (word, at) => keepBits(ip.words[at] ?? 0, cidr.prefix - at * 32) === word
  );
}
function keepBits(word, bits) {
  if (bits >= 32) return word;
  return bits <= 0 ? 0 : (word & 4294967295 << 32 - bits) >>> 0;
}

// src/domain/duration.ts
var NS_PER_MS = 1000000n;
var NS_PER_S = 1000000000n;
var FIX2 = "write seconds as a number, or text like '90s', '1h 30m', '7 days'";
var UNIT_NAMES = [
  ["ns nsec nanos", 1n],
  ["us usec \xB5s", 1000n],
  ["ms msec millis", NS_PER_MS],
  ["s sec secs second seconds", NS_PER_S],
  ["m min mins minute minutes", 60n * NS_PER_S],
  ["h hr hrs hour hours", 3600n * NS_PER_S],
  ["d day days", 86400n * NS_PER_S],
  ["w wk wks week weeks", 604800n * NS_PER_S],
  ["M month months", 2630016n * NS_PER_S],
  ["y yr yrs year years", 31557600n * NS_PER_S]
];
var UNITS = new Map(
  UNIT_NAMES.flatMap(([names, ns]) => names.split(" ").map((name) => [name, ns]))
);
var SPAN = /(\d[\d\s]*)(?:\.([\d\s]*))?([A-Za-zµ]+)\s*/y;
function parseDuration(value) {
  if (typeof value === "number") return fromSeconds(value);
  if (typeof value === "bigint") return toMs(value * NS_PER_S, value);
  if (typeof value === "string") return fromText(value);
  throw new OptionValueError(`${showValue(value)} is not a duration`, FIX2);
}
function fromSeconds(seconds) {
  if (!Number.isFinite(seconds)) {
    throw new OptionValueError(`${showValue(seconds)} is not a duration`, FIX2);
  }
  if (seconds * 1e3 > Number.MAX_SAFE_INTEGER) throw tooLong(seconds);
  return toMs(BigInt(Math.round(seconds * 1e9)), seconds);
}
function toMs(ns, written) {
  if (ns < 0n) throw new OptionValueError(`${showValue(written)} is a negative duration`, FIX2);
  const ms = (ns + NS_PER_MS - 1n) / NS_PER_MS;
  if (ms > BigInt(Number.MAX_SAFE_INTEGER)) throw tooLong(written);
  return Number(ms);
}
function tooLong(written) {
  return new OptionValueError(`${showValue(written)} is too long a duration`, "shorten it");
}
function fromText(text2) {
  if (text2 === "0") return 0;
  const trimmed = text2.trim();
  if (trimmed === "") throw new OptionValueError("the duration is empty", FIX2);
  let ns = 0n;
  SPAN.lastIndex = 0;
  while (SPAN.lastIndex < trimmed.length) {
    const match = SPAN.exec(trimmed);
    if (match === null) {
      const problem = /^[\d\s]+$/.test(trimmed) ? `duration ${showValue(text2)} has no unit` : `${showValue(text2)} is not a duration`;
      throw new OptionValueError(problem, FIX2);
    }
    ns += spanNs(match[1] ?? "", match[2], match[3] ?? "", text2);
  }
  return toMs(ns, text2);
}
function spanNs(whole, fraction, unit, text2) {
  const unitNs = UNITS.get(unit);
  if (unitNs === void 0) {
    throw new OptionValueError(`${showValue(text2)} has an unknown unit '${unit}'`, FIX2);
  }
  const base = BigInt(whole.replace(/\s+/g, "")) * unitNs;
  if (fraction === void 0) return base;
  const digits = fraction.replace(/\s+/g, "");
  if (digits === "") throw new OptionValueError(`${showValue(text2)} ends its number in '.'`, FIX2);
  const share = BigInt(digits) * unitNs;
  const parts = 10n ** BigInt(digits.length);
  const grain = unitNs >= 3600n * NS_PER_S ? NS_PER_S : 1n;
  if (unitNs === 1n || share % (parts * grain) !== 0n) {
    throw new OptionValueError(`${showValue(text2)} is not exact`, "use a smaller unit");
  }
  return base + share / parts;
}

// src/domain/options.ts
function option(kind, standard, says) {
  return { kind, presence: "kept", standard, says };
}
function optional(kind, says) {
  return { kind, presence: "optional", says };
}
function inert(kind, reason) {
  return { kind, presence: "optional", says: reason, inert: reason };
}
function readOptions(table, raw2, where) {
  const given = tableEntries(raw2, where);
  const result = readGiven(table, given, where);
  for (const [key, row] of Object.entries(table)) {
    if (key in result) continue;
    if (row.presence === "required") {
      throw new OptionError(where, key, "is missing", `give a ${row.kind.name}`);
    }
    if (row.presence === "kept") result[key] = standardOf(row);
  }
  return Object.freeze(result);
}
var standards = /* @__PURE__ */ new WeakMap();
function standardOf(row) {
  if (!standards.has(row)) standards.set(row, row.kind.read(row.standard));
  return standards.get(row);
}
function readOverrides(table, raw2, where) {
  const given = readGiven(table, tableEntries(raw2, where), where);
  return Object.freeze(given);
}
function readGiven(table, given, where) {
  const result = {};
  for (const [key, value] of given) {
    const row = Object.hasOwn(table, key) ? table[key] : void 0;
    if (row === void 0) throw unknownOption(table, key, where);
    if (value !== void 0) result[key] = locate(where, key, () => row.kind.read(value));
  }
  return result;
}
function tableEntries(raw2, where) {
  if (raw2 === void 0) return [];
  if (!isTable(raw2)) {
    throw new OptionError(where, "", `${showValue(raw2)} is not a table`, "give named options");
  }
  return Object.entries(raw2);
}
function isTable(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
function locate(where, key, read) {
  try {
    return read();
  } catch (error) {
    if (error instanceof OptionError) {
      const inner = [key, error.where, error.key].filter((part) => part !== "").join(".");
      throw new OptionError(where, inner, error.problem, error.fix);
    }
    if (!(error instanceof OptionValueError)) throw error;
    throw new OptionError(where, key, error.problem, error.fix);
  }
}
function unknownOption(table, key, where) {
  const near = nearest(key, Object.keys(table));
  const fix = near === void 0 ? "remove it" : `did you mean '${near}'?`;
  return new OptionError(where, key, "is not an option here", fix);
}
var SUGGEST_CHARS_MAX = 64;
function nearest(word, candidates) {
  if (word.length > SUGGEST_CHARS_MAX) return void 0;
  let best2;
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best2, bestDistance] = [candidate, distance];
  }
  return best2;
}
function editDistance(from, to) {
  let above = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let row = 1; row <= from.length; row += 1) {
    const line = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const swap = from[row - 1] === to[column - 1] ? 0 : 1;
      line.push(
        Math.min(
          (above[column] ?? 0) + 1,
          (line[column - 1] ?? 0) + 1,
          (above[column - 1] ?? 0) + swap
        )
      );
    }
    above = line;
  }
  return above[to.length] ?? 0;
}

// src/domain/throttle-spec.ts
var UNIT_SECONDS = new Map([
  ...["s", "sec", "second", "seconds"].map((name) => [name, 1]),
  ...["m", "min", "minute"].map((name) => [name, 60]),
  ...["h", "hr", "hour"].map((name) => [name, 3600]),
  ...["d", "day"].map((name) => [name, 86400])
]);

// src/domain/option-kinds.ts
var duration = { name: "duration", read: parseDuration };
var flag = {
  name: "true or false",
  read(value) {
    if (typeof value === "boolean") return value;
    throw new OptionValueError(`${showValue(value)} is not a truth value`, "use true or false");
  }
};
var text = {
  name: "text",
  read(value) {
    if (typeof value !== "string" || value === "") {
      throw new OptionValueError(`${showValue(value)} is not a text`, "give a text in quotes");
    }
    if (/\p{Cc}/u.test(value)) {
      throw new OptionValueError("the text has control characters", "remove them");
    }
    return value;
  }
};
function wholeNumber(min, max) {
  return {
    name: `whole number from ${min} to ${max}`,
    read(value) {
      const number = typeof value === "bigint" ? Number(value) : value;
      if (typeof number === "number" && Number.isInteger(number) && number >= min && number <= max) {
        return number;
      }
      const problem = `${showValue(value)} is not a whole number from ${min} to ${max}`;
      throw new OptionValueError(problem, "change it");
    }
  };
}
var UINT32_MAX = 4294967295;
var positive = wholeNumber(1, UINT32_MAX);
var natural = wholeNumber(0, UINT32_MAX);
var port = wholeNumber(1, 65535);
function oneOf(...words) {
  return {
    name: words.join(" or "),
    read(value) {
      const found = words.find((word) => word === value);
      if (found !== void 0) return found;
      const near = typeof value === "string" ? nearest(value, words) : void 0;
      const fix = near === void 0 ? `use ${words.join(" or ")}` : `did you mean '${near}'?`;
      throw new OptionValueError(`${showValue(value)} is not one of ${words.join(", ")}`, fix);
    }
  };
}
function listOf(kind) {
  return {
    name: `list of ${kind.name}`,
    read(value) {
      if (!Array.isArray(value)) {
        throw new OptionValueError(`${showValue(value)} is not a list`, "put it in [ ]");
      }
      const readAt = (entry, at) => locate("", `entry ${at + 1}`, () => kind.read(entry));
      return Object.freeze(value.map(readAt));
    }
  };
}
function mapOf(kind) {
  return {
    name: `table from name to ${kind.name}`,
    read(value) {
      if (!isTable(value)) {
        throw new OptionValueError(`${showValue(value)} is not a table`, "give names and values");
      }
      const entries = Object.entries(value).map(
        ([key, entry]) => [key, locate("", `'${key}'`, () => kind.read(entry))]
      );
      return Object.freeze(Object.fromEntries(entries));
    }
  };
}
function tableOf(table) {
  return {
    name: `table of ${Object.keys(table).join(", ")}`,
    read(value) {
      if (!isTable(value)) {
        const fix = `give a table with ${Object.keys(table).join(", ")}`;
        throw new OptionValueError(`${showValue(value)} is not a table`, fix);
      }
      return readOptions(table, value, "");
    }
  };
}
var cidrList = listOf({ name: "IP or network", read: parseCidr });
var plain = {
  name: "text, number or truth value",
  read(value) {
    if (typeof value === "string" || typeof value === "boolean") return value;
    if (typeof value === "number" && Number.isFinite(value)) return value;
    throw new OptionValueError(`${showValue(value)} is not a plain value`, "use text or a number");
  }
};

// src/domain/option-places.ts
function splitHostPort(value) {
  const bracketed = /^\[([^\]]*)\](?::(\d{1,5}))?$/.exec(value);
  const match = bracketed ?? /^([^:[\]]*)(?::(\d{1,5}))?$/.exec(value);
  if (match === null) return void 0;
  const port2 = match[2] === void 0 ? void 0 : Number(match[2]);
  if (port2 !== void 0 && port2 > 65535) return void 0;
  return { host: match[1] ?? "", isBracketed: bracketed !== null, port: port2 };
}
var listenPlace = {
  name: "ip:port",
  read(value) {
    const place = typeof value === "string" ? splitHostPort(value) : void 0;
    if (place?.port === void 0 || parseIp(place.host) === void 0) {
      const fix = "write '127.0.0.1:2025' or '[::1]:2025'";
      throw new OptionValueError(`${showValue(value)} is not an address with a port`, fix);
    }
    return { address: place.host, port: place.port };
  }
};
var keySource = {
  name: "path or {key_data}",
  read(value) {
    const fix = 'give a path in quotes, or {key_data = "-----BEGIN ..."}';
    if (typeof value === "string" && value !== "") return { path: text.read(value) };
    if (isTable(value)) {
      const table = new Map(Object.entries(value));
      const data = table.get("key_data");
      if (table.has("vault_mount") || table.has("vault_path")) {
        throw new OptionValueError("keys from a vault are not supported yet", fix);
      }
      if (typeof data === "string" && data !== "" && table.size === 1) return { key_data: data };
    }
    throw new OptionValueError("this is not a key source", fix);
  }
};

// src/domain/options-listener.ts
var TRACE_OPTIONS = {
  received_header: option(flag, true, "add a Received header"),
  supplemental_header: option(flag, true, "add a header that names the recipient"),
  header_name: option(text, "X-KumoRef", "the name of that header"),
  include_meta_names: option(listOf(text), [], "metadata to put into it")
};
var SESSION_OPTIONS = {
  hostname: optional(text, "name in the greeting; else that of the machine"),
  banner: option(text, "Waybill", "text after the host name in the greeting"),
  relay_hosts: option(cidrList, ["127.0.0.1", "::1"], "peers that may relay to anywhere"),
  client_timeout: option(duration, "1m", "how long a silent peer is kept"),
  data_processing_timeout: option(duration, "5m", "bound on the work after the final dot"),
  batch_handling: option(
    oneOf("BifurcateAlways", "BatchByDomain"),
    "BifurcateAlways",
    "one message per recipient, or per recipient domain"
  ),
  max_message_size: option(positive, 20 * 1024 * 1024, "octets"),
  max_messages_per_connection: option(positive, 1e4, "then a transient failure"),
  max_recipients_per_message: option(positive, 1024, "then 452 4.5.3"),
  data_buffer_size: option(positive, 128 * 1024, "octets read at once"),
  invalid_line_endings: option(oneOf("Deny", "Allow", "Fix"), "Deny", "bare CR or LF"),
  line_length_hard_limit: option(positive, 998, "octets in a line, CRLF apart"),
  deferred_spool: inert(flag, "every message is stored before it is accepted"),
  deferred_queue: inert(flag, "the reception policy is asked before a message is accepted"),
  tls_certificate: optional(keySource, "certificate for STARTTLS"),
  tls_private_key: optional(keySource, "its key"),
  tls_required_client_ca: optional(keySource, "demand client certificates of this authority"),
  trace_headers: option(tableOf(TRACE_OPTIONS), {}, "headers added at reception"),
  meta: option(mapOf(plain), {}, "metadata given to every connection"),
  allow_xclient: option(flag, false, "accept XCLIENT"),
  require_proxy_protocol: option(flag, false, "demand a PROXY header before the greeting")
};
var OVERRIDE_DEPTH_MAX = 4;
function overrides(depth) {
  return {
    name: "table from network to settings",
    read(value) {
      if (!isTable(value) || depth > OVERRIDE_DEPTH_MAX) {
        const problem = isTable(value) ? "is nested too deeply" : `${showValue(value)} is no table`;
        throw new OptionValueError(problem, "give {'192.0.2.0/24' = {...}}");
      }
      return Object.entries(value).map(
        ([network, raw2]) => locate("", `'${network}'`, () => readOverride(network, raw2, depth))
      );
    }
  };
}
function readOverride(network, raw2, depth) {
  const cidr = parseCidr(network);
  const nested = overrides(depth + 1);
  const rows = { peer: optional(nested, ""), via: optional(nested, "") };
  const read = readOverrides({ ...SESSION_OPTIONS, ...rows }, raw2, "");
  const { peer = [], via = [], ...settings } = read;
  return { cidr, settings, peer, via };
}
var LISTENER_OPTIONS = {
  listen: option(listenPlace, "127.0.0.1:2025", "address and port"),
  max_connections: option(positive, 32768, "sessions at once; more get 421"),
  ...SESSION_OPTIONS,
  peer: option(overrides(1), {}, "settings by network of the peer"),
  via: option(overrides(1), {}, "settings by network of the local address")
};
function parseListenerConfig(raw2, where) {
  const config2 = readOptions(LISTENER_OPTIONS, raw2, where);
  if (config2.tls_certificate === void 0 !== (config2.tls_private_key === void 0)) {
    const key = config2.tls_certificate === void 0 ? "tls_private_key" : "tls_certificate";
    throw new OptionError(where, key, "is given alone", "give certificate and key, or neither");
  }
  return config2;
}
function sessionSettings(config2, peerAddress, localAddress) {
  const { listen: _listen, max_connections: _max, peer, via, ...settings } = config2;
  return overlay(settings, peer, via, peerAddress, localAddress);
}
function overlay(base, peer, via, peerAddress, localAddress) {
  let settings = base;
  for (const chosen of [best(peer, peerAddress), best(via, localAddress)]) {
    if (chosen === void 0) continue;
    const meta = { ...settings.meta, ...chosen.settings.meta };
    const laid = { ...settings, ...chosen.settings, meta };
    settings = overlay(laid, chosen.peer, chosen.via, peerAddress, localAddress);
  }
  return settings;
}
function best(list, address) {
  const ip = parseIp(address);
  if (ip === void 0) return void 0;
  let found;
  for (const entry of list) {
    const isNarrower = found === void 0 || entry.cidr.prefix > found.cidr.prefix;
    if (isNarrower && contains(entry.cidr, ip)) found = entry;
  }
  return found;
}
var reportHandling = {
  name: "Ignore, LogThenRelay, LogThenDrop or true or false",
  read(value) {
    if (typeof value === "boolean") return value ? "LogThenRelay" : "Ignore";
    return oneOf("Ignore", "LogThenRelay", "LogThenDrop").read(value);
  }
};
var LISTENER_DOMAIN_OPTIONS = {
  relay_to: option(flag, false, "accept mail for this domain from anyone"),
  relay_from: option(cidrList, [], "peers that may relay anywhere as senders of this domain"),
  log_oob: option(reportHandling, "Ignore", "RFC 3464 reports"),
  log_arf: option(reportHandling, "Ignore", "RFC 5965 reports"),
  ttl: option(duration, "60s", "accepted; the answer is kept for one session")
};

// src/intake/smtp.ts
import { hostname as readMachineName } from "node:os";
import { SMTPServer } from "smtp-server";

// src/intake/limits.ts
var SESSIONS_PER_ADDRESS_MAX = 50;
var REFUSED_LINGERING_MAX = 256;
var GREETING_WAIT_MS = 100;
var ERRORS_MAX = 10;
var DATA_BYTES_PER_SECOND_MIN = 500;
var ENVELOPE_MS_MAX = 5 * 6e4;
var DATA_MS_MAX = 60 * 6e4;
var HELD_BYTES_MAX = 256 * 1024 * 1024;
var OVERRUN_BYTES_MAX = 32 * 1024 * 1024;
var REPLY_LINE_BYTES_MAX = 510;
var SWEEP_MS = 500;
var IDENTITY_MS_MAX = 5 * 6e4;

// src/intake/log-text.ts
var PEER_TEXT_CHARS_MAX = 1024;
var UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|\p{Surrogate}/gu;
var escapeOne = (text2) => `\\u${text2.charCodeAt(0).toString(16).padStart(4, "0")}`;
function escapeForLog(text2) {
  const head = text2.length > PEER_TEXT_CHARS_MAX ? text2.slice(0, PEER_TEXT_CHARS_MAX) : text2;
  const shown = head.replace(UNSAFE, escapeOne);
  return head === text2 ? shown : `${shown}\u2026`;
}
var hasUnsafeCharacters = (text2) => {
  UNSAFE.lastIndex = 0;
  return UNSAFE.test(text2);
};

// src/intake/desk.ts
var TERMS_CACHED_MAX = 1024;
var Desk = class {
  config;
  host;
  bodies;
  clock;
  machineName;
  guests = /* @__PURE__ */ new Set();
  isClosing = false;
  /** Address and port, once bound. */
  listener = "";
  log;
  byAddress = /* @__PURE__ */ new Map();
  terms = /* @__PURE__ */ new Map();
  heldBytes = 0;
  lingering = 0;
  emptied;
  constructor(config2, host, bodies2, clock, log, machineName) {
    this.config = config2;
    this.host = host;
    this.bodies = bodies2;
    this.clock = clock;
    this.log = log;
    this.machineName = machineName;
  }
  termsFor(peer, local) {
    const key = `${peer} ${local}`;
    const known = this.terms.get(key);
    if (known !== void 0) return known;
    const settings = sessionSettings(this.config, peer, local);
    const hostname = settings.hostname ?? this.machineName;
    const terms = { settings, hostname, isTrusted: matches(settings.relay_hosts, peer) };
    if (this.terms.size >= TERMS_CACHED_MAX) this.terms.clear();
    this.terms.set(key, terms);
    return terms;
  }
  /** Lets a session in, or says why not; who was let in must be let go. */
  admit(guest, terms) {
    const { hostname, isTrusted } = terms;
    if (this.isClosing) return { code: 421, enhanced: "4.3.2", text: `${hostname} shutting down` };
    if (this.guests.size >= this.config.max_connections) {
      const text2 = `${hostname} too many concurrent sessions. Try later`;
      return { code: 421, enhanced: "4.3.2", text: text2 };
    }
    const peer = guest.remoteAddress;
    const count = this.byAddress.get(peer) ?? 0;
    if (!isTrusted && count >= SESSIONS_PER_ADDRESS_MAX) {
      const text2 = `${hostname} too many concurrent sessions from ${peer}. Try later`;
      return { code: 421, enhanced: "4.7.0", text: text2 };
    }
    const refusal = this.host.admit();
    if (refusal !== void 0) return refusal;
    this.byAddress.set(peer, count + 1);
    this.guests.add(guest);
    return void 0;
  }
  letGo(guest) {
    if (!this.guests.delete(guest)) return;
    const count = (this.byAddress.get(guest.remoteAddress) ?? 1) - 1;
    if (count === 0) this.byAddress.delete(guest.remoteAddress);
    else this.byAddress.set(guest.remoteAddress, count);
    if (this.guests.size === 0) this.emptied?.();
  }
  /** Resolves when the last session is gone. */
  waitUntilEmpty() {
    return new Promise((resolve) => {
      this.emptied = resolve;
      if (this.guests.size === 0) resolve();
    });
  }
  /** May one more refused connection read its refusal? `linger(-1)` when it is gone. */
  linger(by) {
    if (by === 1 && this.lingering >= REFUSED_LINGERING_MAX) return false;
    this.lingering += by;
    return true;
  }
  /** Counts message bytes in memory; false when there are too many. */
  hold(bytes) {
    this.heldBytes += bytes;
    return this.heldBytes <= HELD_BYTES_MAX;
  }
  /** A line about a peer; whatever the peer said in it is made harmless. */
  note(level, text2) {
    this.log(level, `smtp ${this.listener}: ${escapeForLog(text2)}`);
  }
};

// src/intake/session.ts
import { SMTPConnection } from "smtp-server/lib/smtp-connection.js";

// src/intake/data-reader.ts
import { isAscii } from "node:buffer";

// src/intake/pieces.ts
var PIECES_PLAIN_MAX = 8;
var PIECE_SMALL_BYTES = 2048;
var SLAB_BYTES = 16 * 1024;
var Pieces = class {
  bytes = 0;
  list = [];
  slab;
  slabBytes = 0;
  add(piece) {
    if (piece.length === 0) return;
    this.bytes += piece.length;
    if (this.list.length < PIECES_PLAIN_MAX || piece.length >= PIECE_SMALL_BYTES) {
      this.seal();
      this.list.push(piece);
      return;
    }
    if (this.slab !== void 0 && this.slabBytes + piece.length > SLAB_BYTES) this.seal();
    this.slab ??= Buffer.allocUnsafeSlow(SLAB_BYTES);
    this.slabBytes += piece.copy(this.slab, this.slabBytes);
  }
  /** Hands everything over, in order, and starts anew. */
  take() {
    this.seal();
    const list = this.list;
    this.drop();
    return list;
  }
  drop() {
    this.list = [];
    this.slab = void 0;
    this.slabBytes = 0;
    this.bytes = 0;
  }
  seal() {
    if (this.slab !== void 0) this.list.push(this.slab.subarray(0, this.slabBytes));
    this.slab = void 0;
    this.slabBytes = 0;
  }
};

// src/intake/data-reader.ts
var CR = 13;
var LF = 10;
var DOT = 46;
var ONE_CR = Buffer.from("\r");
var LINE_START = 0;
var WITHIN = 1;
var AFTER_DOT = 2;
var AFTER_DOT_CR = 3;
var ENDED = 4;
var DataReader = class {
  /** The findings; the listener's options decide which of them refuse the message. */
  isTooLarge = false;
  hasBareLineEnds = false;
  hasNul = false;
  /** The bytes were not kept, because the message or all messages together were too large. */
  isDropped = false;
  isEightBit = false;
  /** The longest line, without its CRLF and without a stuffed dot. */
  lineBytesMax = 0;
  /** Bytes read, those taken out or dropped included. */
  seenBytes = 0;
  pieces = new Pieces();
  bytesMax;
  state = LINE_START;
  lastByte = LF;
  lineBytes = 0;
  contentBytes = 0;
  // Offsets in the chunk at hand: the first byte not yet kept, and the next CR.
  keepFrom = 0;
  nextCr = -1;
  constructor(bytesMax) {
    this.bytesMax = bytesMax;
  }
  /** Takes a chunk; answers the offset behind the end of data, or -1 when it is not in here. */
  feed(chunk) {
    const end = this.walk(chunk);
    const read = end === -1 ? chunk : chunk.subarray(0, end);
    this.seenBytes += read.length;
    if (!this.hasNul) this.hasNul = read.indexOf(0) !== -1;
    if (!this.isEightBit) this.isEightBit = !isAscii(read);
    return end;
  }
  /** Forgets the bytes, now and from now on; the end is still looked for. */
  drop() {
    this.isDropped = true;
    this.pieces.drop();
  }
  walk(chunk) {
    const length = chunk.length;
    this.keepFrom = 0;
    this.nextCr = -1;
    if (this.state === WITHIN && this.lastByte === CR && chunk[0] !== LF) {
      this.hasBareLineEnds = true;
    }
    let at = 0;
    while (at < length) {
      at = this.state === WITHIN ? this.walkLine(chunk, at) : this.stepAtLineStart(chunk, at);
      if (this.state === ENDED) return at;
    }
    this.keep(chunk, length);
    if (length > 0) this.lastByte = chunk[length - 1];
    return -1;
  }
  /**
   *     CRLF ── . ── CR ── LF   the end (RFC 5321 section 4.1.1.4)
   *              └─ else        the dot was stuffed, or should have been: it goes (section 4.5.2)
   */
  stepAtLineStart(chunk, at) {
    const byte = chunk[at];
    if (this.state === LINE_START && byte === DOT) {
      this.keep(chunk, at);
      this.keepFrom = at + 1;
      this.state = AFTER_DOT;
      return at + 1;
    }
    if (this.state === AFTER_DOT && byte === CR) {
      this.keepFrom = at + 1;
      this.state = AFTER_DOT_CR;
      return at + 1;
    }
    if (this.state === AFTER_DOT_CR) {
      if (byte === LF) {
        this.state = ENDED;
        return at + 1;
      }
      this.hasBareLineEnds = true;
      this.lineBytes = 1;
      this.add(ONE_CR);
    }
    this.state = WITHIN;
    return at;
  }
  walkLine(chunk, at) {
    const lf = chunk.indexOf(LF, at);
    const upto = lf === -1 ? chunk.length : lf;
    if (this.nextCr < at) {
      const found = chunk.indexOf(CR, at);
      this.nextCr = found === -1 ? chunk.length : found;
    }
    if (this.nextCr < upto - 1) this.hasBareLineEnds = true;
    if (lf === -1) {
      this.lineBytes += upto - at;
      if (this.lineBytes > this.lineBytesMax + 1) this.lineBytesMax = this.lineBytes - 1;
      return upto;
    }
    const isCrlf = (lf > 0 ? chunk[lf - 1] : this.lastByte) === CR;
    const lineBytes = this.lineBytes + lf - at - (isCrlf ? 1 : 0);
    if (lineBytes > this.lineBytesMax) this.lineBytesMax = lineBytes;
    this.lineBytes = 0;
    if (isCrlf) this.state = LINE_START;
    else this.hasBareLineEnds = true;
    return lf + 1;
  }
  keep(chunk, upto) {
    if (this.keepFrom >= upto) return;
    const isWhole = this.keepFrom === 0 && upto === chunk.length;
    this.add(isWhole ? chunk : chunk.subarray(this.keepFrom, upto));
  }
  add(piece) {
    this.contentBytes += piece.length;
    if (this.contentBytes > this.bytesMax) {
      this.isTooLarge = true;
      this.drop();
    }
    if (!this.isDropped) this.pieces.add(piece);
  }
};
function fixLineEnds(chunks) {
  const text2 = Buffer.concat(chunks).toString("latin1");
  return Buffer.from(text2.replace(/\r\n|\r|\n/g, "\r\n"), "latin1");
}
function measureLongestLine(text2) {
  let longest = 0;
  let from = 0;
  while (from < text2.length) {
    const lf = text2.indexOf(LF, from);
    const end = lf === -1 ? text2.length + 1 : lf;
    longest = Math.max(longest, end - from - 1);
    from = end + 1;
  }
  return longest;
}

// src/ports/ports.ts
var isFault = (value) => typeof value === "object" && value !== null && "code" in value && "retryable" in value;

// src/intake/trace-header.ts
var NAME = /^(?:[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}|\[[A-Za-z0-9.:]{1,60}\])$/;
var FOR_SAFE = /^[!-'*-:=?-[\]-~\u00a1-\u{10ffff}]+$/u;
var dateText = "";
var dateSecond = -1;
function formatDate(at) {
  const second = Math.floor(at / 1e3);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = `${new Date(second * 1e3).toUTCString().slice(0, -3)}+0000`;
  }
  return dateText;
}
var formatLiteral = (peer) => peer.includes(":") ? `[IPv6:${peer}]` : `[${peer}]`;
function formatReceived(passage) {
  const { helo, peer, hostname, protocol, id, recipient } = passage;
  const from = NAME.test(helo) ? helo : "unknown";
  const named = recipient !== void 0 && FOR_SAFE.test(recipient);
  const to = named ? `\r
	for <${recipient}>` : "";
  return `Received: from ${from} (${formatLiteral(peer)})\r
	by ${hostname} with ${protocol} id ${id}${to};\r
	${formatDate(passage.receivedAt)}\r
`;
}

// src/intake/message-intake.ts
var refuse = (code, enhanced, text2) => ({
  code,
  enhanced,
  text: text2
});
var refuseSize = (bytesMax) => refuse(552, "5.3.4", `message exceeds the maximum size of ${bytesMax} octets`);
var OVERLOADED = refuse(
  452,
  "4.3.1",
  "too much mail in transit, try again later"
);
function judge(reader, settings) {
  if (reader.isTooLarge) return refuseSize(settings.max_message_size);
  if (reader.isDropped) return OVERLOADED;
  if (reader.hasNul) return refuse(552, "5.6.0", "message data must not contain NUL");
  let bytes = reader.pieces.take();
  let lineBytesMax = reader.lineBytesMax;
  if (reader.hasBareLineEnds) {
    if (settings.invalid_line_endings === "Deny") {
      return refuse(552, "5.6.0", "message data must use CRLF line ends, no CR or LF alone");
    }
    const fixed = fixLineEnds(bytes);
    lineBytesMax = measureLongestLine(fixed);
    bytes = [fixed];
  }
  if (lineBytesMax > settings.line_length_hard_limit) {
    return refuse(500, "5.2.3", `a line exceeds ${settings.line_length_hard_limit} octets`);
  }
  return { bytes };
}
function splitRecipients(recipients, handling) {
  if (handling === "BifurcateAlways") return recipients.map((recipient) => [recipient]);
  const byDomain = /* @__PURE__ */ new Map();
  for (const recipient of recipients) {
    const domain = recipient.slice(recipient.lastIndexOf("@") + 1).toLowerCase();
    const batch = byDomain.get(domain);
    if (batch === void 0) byDomain.set(domain, [recipient]);
    else batch.push(recipient);
  }
  return [...byDomain.values()];
}
function formatAccepted(messages2) {
  const lines = [];
  let line = "2.0.0 OK ids=";
  for (const { id } of messages2) {
    const isFirst = line.endsWith("=");
    if (!isFirst && "250 ".length + line.length + 1 + id.length > REPLY_LINE_BYTES_MAX) {
      lines.push(line);
      line = "2.0.0 ids=";
    }
    line += line.endsWith("=") ? id : ` ${id}`;
  }
  lines.push(line);
  return lines;
}
var refusalOf = (fault) => fault.code === "FAULT_DISK_FULL" ? refuse(452, "4.3.1", "insufficient system storage") : refuse(451, "4.3.0", "the message could not be stored, try again later");
var TOO_SLOW = refuse(451, "4.4.5", "the message could not be stored in time, try again later");
var Taking = class {
  world;
  settings;
  answered;
  isSubmitted = false;
  isAnswered = false;
  constructor(world, settings, answered) {
    this.world = world;
    this.settings = settings;
    this.answered = answered;
  }
  /** Stores the body, then submits the envelope. */
  begin(arrival, bytes, isEightBit) {
    const batches = splitRecipients(arrival.recipients, this.settings.batch_handling);
    const ids = this.world.host.allocateIds(batches.length);
    const messages2 = batches.map((to, index) => ({ id: ids[index], to }));
    const { from, peer, helo, smtpUtf8, at } = arrival;
    const chunks = this.settings.trace_headers.received_header ? [Buffer.from(formatTrace(arrival, ids[0])), ...bytes] : bytes;
    const header = JSON.stringify({ ids, from, to: batches, at, peer, helo, isEightBit, smtpUtf8 });
    this.world.bodies.write(header, chunks, (body) => {
      if (isFault(body)) this.answer(refusalOf(body), body);
      else if (!this.isAnswered) this.submit(arrival, messages2, body, chunks, isEightBit);
    });
  }
  /** Ends the wait with a 451, unless the envelope is handed over: then it may be durable. */
  giveUp() {
    if (!this.isSubmitted) this.answer(TOO_SLOW);
  }
  submit(arrival, messages2, body, chunks, isEightBit) {
    this.isSubmitted = true;
    const submission = {
      service: "esmtp",
      listener: arrival.listener,
      from: arrival.from,
      messages: messages2,
      body,
      chunks,
      bodyBytes: body.length,
      eightBit: isEightBit,
      smtpUtf8: arrival.smtpUtf8,
      peer: arrival.peer,
      helo: arrival.helo,
      receivedAt: arrival.at
    };
    this.world.host.submit(submission, (refusal) => this.answer(refusal ?? messages2));
  }
  answer(outcome, fault) {
    if (this.isAnswered) return;
    this.isAnswered = true;
    this.answered(outcome, fault);
  }
};
var formatTrace = (arrival, id) => {
  const { helo, peer, hostname, protocol, recipients, at } = arrival;
  const recipient = recipients.length === 1 ? recipients[0] : void 0;
  return formatReceived({ helo, peer, hostname, protocol, id, recipient, receivedAt: at });
};

// src/intake/pace.ts
var Pace = class {
  waitMsMax;
  workMsMax;
  phase = "commands";
  sinceMs;
  envelopeSinceMs;
  dataSinceMs = 0;
  stretchFromBytes = 0;
  constructor(settings, nowMs) {
    this.waitMsMax = settings.client_timeout;
    this.workMsMax = settings.data_processing_timeout;
    this.sinceMs = nowMs;
  }
  /** A reply was written: the client's time for the next step starts. */
  replied(nowMs) {
    this.sinceMs = nowMs;
  }
  envelopeBegan() {
    this.envelopeSinceMs ??= this.sinceMs;
  }
  /** The transaction is over or forgotten; commands are awaited. */
  envelopeEnded() {
    this.envelopeSinceMs = void 0;
    this.phase = "commands";
  }
  dataBegan() {
    this.phase = "data";
    this.dataSinceMs = this.sinceMs;
    this.stretchFromBytes = 0;
  }
  /** The message is complete and the answer is ours to give: the client has no deadline. */
  workBegan(nowMs) {
    this.phase = "working";
    this.sinceMs = nowMs;
  }
  /** Has the client waited so long for the answer to its message that it may be gone? */
  isWorkOverdue(nowMs) {
    return this.phase === "working" && nowMs - this.sinceMs >= this.workMsMax;
  }
  get isWithinMessage() {
    return this.phase !== "commands";
  }
  /** Must the client be hung up on? `seenBytes` are those of the data phase so far. */
  isOverdue(nowMs, seenBytes) {
    if (this.phase === "working") return false;
    const isLate = nowMs - this.sinceMs >= this.waitMsMax;
    if (this.phase === "commands") {
      const envelopeMs = nowMs - (this.envelopeSinceMs ?? nowMs);
      return isLate || envelopeMs >= ENVELOPE_MS_MAX;
    }
    if (nowMs - this.dataSinceMs >= DATA_MS_MAX) return true;
    if (!isLate) return false;
    const gotBytes = seenBytes - this.stretchFromBytes;
    if (gotBytes * 1e3 < DATA_BYTES_PER_SECOND_MIN * (nowMs - this.sinceMs)) return true;
    this.sinceMs = nowMs;
    this.stretchFromBytes = seenBytes;
    return false;
  }
};

// src/intake/parser.ts
import { SMTPStream } from "smtp-server/lib/smtp-stream.js";
var COMMAND_BYTES_MAX = 998;
var IntakeParser = class extends SMTPStream {
  taker;
  constructor(taker) {
    super({ maxCommandLength: COMMAND_BYTES_MAX });
    this.taker = taker;
  }
  /** The replies so far are written; from here on bytes are data, until the final dot. */
  beginData() {
    this._dataMode = true;
  }
  _feedDataStream(chunk, done) {
    const end = this.taker.takeData(chunk);
    if (end === -1) {
      done();
      return;
    }
    this._dataMode = false;
    this.taker.endData(() => this._write(chunk.subarray(end), "buffer", done));
  }
  /** A command that the connection's end cut off is no command. */
  _flushData() {
    this._remainder = "";
  }
};

// src/domain/address.ts
var NULL_SENDER = { local: "", domain: "" };
var LOCAL_BYTES_MAX = 64;
var DOMAIN_BYTES_MAX = 255;
var LABEL_BYTES_MAX = 63;
var ADDRESS_CHARS_MAX = 1024;
var WIDE = "[^\\x00-\\x9f\\u2028\\u2029\\p{Cs}]";
var ATOM = `(?:[A-Za-z0-9!#$%&'*+/=?^_\`{|}~-]|${WIDE})+`;
var DOT_STRING = new RegExp(`^${ATOM}(?:\\.${ATOM})*$`, "u");
var QUOTED = new RegExp(
  `^"(?:[\\x20-\\x21\\x23-\\x5b\\x5d-\\x7e]|\\\\[\\x20-\\x7e]|${WIDE})*"$`,
  "u"
);
var SUB_DOMAIN = /^[A-Za-z0-9\p{L}\p{N}\p{M}](?:[A-Za-z0-9\p{L}\p{N}\p{M}-]*[A-Za-z0-9\p{L}\p{N}\p{M}])?$/u;
function parseMailbox(text2) {
  if (text2.length > ADDRESS_CHARS_MAX) return void 0;
  const at = text2.lastIndexOf("@");
  if (at <= 0) return void 0;
  const local = text2.slice(0, at);
  const domain = text2.slice(at + 1);
  if (utf8Bytes(local) > LOCAL_BYTES_MAX || utf8Bytes(domain) > DOMAIN_BYTES_MAX) return void 0;
  if (!DOT_STRING.test(local) && !QUOTED.test(local)) return void 0;
  return isDomain(domain) ? { local, domain } : void 0;
}
function parsePath(text2) {
  const hasBrackets = text2.startsWith("<") && text2.endsWith(">") && text2.length >= 2;
  const inner = hasBrackets ? text2.slice(1, -1) : text2;
  if (inner === "") return NULL_SENDER;
  if (!inner.startsWith("@")) return parseMailbox(inner);
  const colon = inner.indexOf(":");
  if (colon < 0) return void 0;
  const hops = inner.slice(0, colon).split(",");
  const isRoute = hops.every((hop) => hop.startsWith("@") && isDomain(hop.slice(1)));
  return isRoute ? parseMailbox(inner.slice(colon + 1)) : void 0;
}
function isDomain(domain) {
  if (domain.startsWith("[")) return isLiteral(domain);
  return domain.split(".").every((label) => utf8Bytes(label) <= LABEL_BYTES_MAX && SUB_DOMAIN.test(label));
}
function isLiteral(domain) {
  if (!domain.endsWith("]")) return false;
  const inner = domain.slice(1, -1);
  const isV6 = /^IPv6:/i.test(inner);
  const ip = isV6 ? inner.slice("IPv6:".length) : inner;
  return parseIp(ip) !== void 0 && ip.includes(":") === isV6;
}
function isNullSender(mailbox) {
  return mailbox.local === "" && mailbox.domain === "";
}
function formatMailbox(mailbox) {
  return isNullSender(mailbox) ? "" : `${mailbox.local}@${mailbox.domain}`;
}
function needsUtf8(address) {
  return /[^\x00-\x7f]/.test(address);
}
function utf8Bytes(text2) {
  let bytes = 0;
  for (const char of text2) {
    const point = char.codePointAt(0) ?? 0;
    bytes += point < 128 ? 1 : point < 2048 ? 2 : point < 65536 ? 3 : 4;
  }
  return bytes;
}

// src/intake/envelope-command.ts
import { isAscii as isAscii2, isUtf8 } from "node:buffer";
var COMMAND = /^(MAIL FROM|RCPT TO): *<((?:"(?:[^"\\]|\\.)*"|[^"<>])*)> *(\S.*)?$/i;
var CONTROL = /[\u0000-\u001f\u007f]/;
var PARAMETER = /^([A-Za-z0-9][A-Za-z0-9-]*)(?:=([^\s=]+))?$/;
function readLine(line) {
  if (isAscii2(line)) return line.toString("latin1");
  return isUtf8(line) ? line.toString("utf8") : void 0;
}
function parseEnvelopeCommand(verb, line) {
  if (CONTROL.test(line) || hasUnsafeCharacters(line)) return void 0;
  const match = COMMAND.exec(line);
  if (match === null || match[1]?.toUpperCase() !== verb) return void 0;
  const parameters = parseParameters(match[3]);
  if (parameters === void 0) return void 0;
  return { path: match[2] ?? "", parameters };
}
var NONE = /* @__PURE__ */ new Map();
function parseParameters(text2) {
  if (text2 === void 0) return NONE;
  const parameters = /* @__PURE__ */ new Map();
  for (const word of text2.trimEnd().split(/ +/)) {
    const match = PARAMETER.exec(word);
    const key = match?.[1]?.toUpperCase();
    if (key === void 0 || parameters.has(key)) return void 0;
    parameters.set(key, match?.[2] ?? "");
  }
  return parameters;
}
var SIZE = /^\d{1,20}$/;
var BODY = /^(?:7BIT|8BITMIME)$/i;
function readMailParameters(parameters) {
  let sizeBytes = 0;
  let smtpUtf8 = false;
  for (const [key, value] of parameters) {
    if (key === "SIZE") {
      if (!SIZE.test(value)) return "SIZE needs a number";
      sizeBytes = Number(value);
    } else if (key === "BODY") {
      if (!BODY.test(value)) return "BODY is 7BIT or 8BITMIME";
    } else if (key === "SMTPUTF8") {
      if (value !== "") return "SMTPUTF8 takes no value";
      smtpUtf8 = true;
    } else return void 0;
  }
  return { sizeBytes, smtpUtf8 };
}

// src/intake/transaction.ts
var say = (code, enhanced, text2) => ({ code, enhanced, text: text2 });
var SENDER_OK = say(250, "2.1.0", "Sender OK");
var RECIPIENT_OK = say(250, "2.1.5", "Recipient OK");
var NESTED = say(503, "5.5.1", "nested MAIL command");
var NEED_MAIL = say(503, "5.5.1", "need MAIL before RCPT");
var BAD_SENDER = say(501, "5.1.7", "bad sender address syntax");
var BAD_RECIPIENT = say(501, "5.1.3", "bad recipient address syntax");
var BAD_PARAMETERS = say(555, "5.5.4", "parameters not recognized");
var NEEDS_UTF8 = say(553, "5.6.7", "this address needs SMTPUTF8");
var ROUTED_LOCAL = /[@%!]/;
var Transaction = class {
  /** Undefined while no MAIL was accepted; '' for the null sender. */
  from;
  recipients = [];
  smtpUtf8 = false;
  senderDomain = "";
  known = /* @__PURE__ */ new Set();
  domains = /* @__PURE__ */ new Set();
  reset() {
    if (this.from === void 0) return;
    this.from = void 0;
    this.senderDomain = "";
    this.smtpUtf8 = false;
    this.recipients = [];
    this.known = /* @__PURE__ */ new Set();
    this.domains = /* @__PURE__ */ new Set();
  }
  mail(command, about) {
    if (this.from !== void 0) return NESTED;
    const line = readLine(command);
    const parsed = line === void 0 ? void 0 : parseEnvelopeCommand("MAIL FROM", line);
    if (parsed === void 0) return BAD_SENDER;
    const asked = readMailParameters(parsed.parameters);
    if (asked === void 0) return BAD_PARAMETERS;
    if (typeof asked === "string") return say(501, "5.5.4", asked);
    if (asked.sizeBytes > about.settings.max_message_size) {
      return refuseSize(about.settings.max_message_size);
    }
    const mailbox = parsePath(parsed.path);
    if (mailbox === void 0) return BAD_SENDER;
    const from = formatMailbox(mailbox);
    if (!asked.smtpUtf8 && needsUtf8(from)) return NEEDS_UTF8;
    this.from = from;
    this.senderDomain = mailbox.domain.toLowerCase();
    this.smtpUtf8 = asked.smtpUtf8;
    return SENDER_OK;
  }
  rcpt(command, about) {
    if (this.from === void 0) return NEED_MAIL;
    const line = readLine(command);
    const parsed = line === void 0 ? void 0 : parseEnvelopeCommand("RCPT TO", line);
    if (parsed === void 0 || parsed.path === "") return BAD_RECIPIENT;
    if (parsed.parameters.size > 0) return BAD_PARAMETERS;
    const isPostmaster = /^postmaster$/i.test(parsed.path);
    const path = isPostmaster ? `postmaster@${about.hostname}` : parsed.path;
    const mailbox = parsePath(path);
    if (mailbox === void 0) return BAD_RECIPIENT;
    if (!this.isRelayed(mailbox, about)) {
      return say(550, "5.7.1", `relaying not permitted for ${about.peer}`);
    }
    const address = formatMailbox(mailbox);
    if (!this.smtpUtf8 && needsUtf8(address)) return NEEDS_UTF8;
    return this.add(address, mailbox, about);
  }
  isRelayed(mailbox, about) {
    if (about.isTrusted) return true;
    if (ROUTED_LOCAL.test(mailbox.local)) return false;
    return about.mayRelay(this.senderDomain, mailbox.domain.toLowerCase());
  }
  add(address, mailbox, about) {
    const { settings, messagesSent, hostname } = about;
    const domain = mailbox.domain.toLowerCase();
    const key = `${mailbox.local}@${domain}`;
    if (this.known.has(key)) return RECIPIENT_OK;
    const isBatched = settings.batch_handling === "BatchByDomain";
    const batches = isBatched ? this.domains.size : this.recipients.length;
    const isNewBatch = !isBatched || !this.domains.has(domain);
    if (isNewBatch && messagesSent + batches >= settings.max_messages_per_connection) {
      return batches === 0 ? say(421, "4.3.2", `${hostname} too many messages on this connection`) : say(452, "4.5.3", "too many messages on this connection");
    }
    if (this.recipients.length >= settings.max_recipients_per_message) {
      return say(452, "4.5.3", "too many recipients");
    }
    this.known.add(key);
    if (isBatched) this.domains.add(domain);
    this.recipients.push(address);
    return RECIPIENT_OK;
  }
};

// src/intake/session.ts
var HELO_NAME = /^[!-~\u00a1-\uffff]{1,255}$/;
var Session = class extends SMTPConnection {
  settings;
  hostname;
  isTrusted;
  messagesSent = 0;
  desk;
  transaction = new Transaction();
  pace;
  reader;
  taking;
  heldBytes = 0;
  errors = 0;
  constructor(desk, server, socket, options) {
    super(server, socket, options);
    const terms = desk.termsFor(this.remoteAddress, this.localAddress);
    this.desk = desk;
    this.settings = terms.settings;
    this.hostname = terms.hostname;
    this.isTrusted = terms.isTrusted;
    this.name = terms.hostname;
    this.pace = new Pace(terms.settings, desk.clock.steadyMs());
  }
  get peer() {
    return this.remoteAddress;
  }
  mayRelay(senderDomain, recipientDomain) {
    return this.desk.host.mayRelay?.(this.peer, senderDomain, recipientDomain) ?? false;
  }
  init() {
    this._setListeners(() => {
      const refusal = this.desk.admit(this, this);
      if (refusal !== void 0) this.turnAway(refusal);
      else if (this.isTrusted) this.connectionReady();
      else setTimeout(() => this.connectionReady(), GREETING_WAIT_MS).unref();
    });
  }
  turnAway(refusal) {
    const socket = this._socket;
    this.desk.note("warn", `${this.peer} turned away: ${refusal.text}`);
    if (!this.desk.linger(1)) {
      socket.destroy();
      return;
    }
    socket.once("close", () => this.desk.linger(-1));
    this.say({ ...refusal, code: 421 });
  }
  _sendGreeting() {
    this.send(220, `${this.hostname} ESMTP ${this.settings.banner}`, false);
  }
  _onClose() {
    this.dropReader();
    this.desk.letGo(this);
    super._onClose();
  }
  /** The sweep of the desk looks at deadlines instead of a timer per socket. */
  _armTimeout() {
  }
  checkDeadline(nowMs) {
    if (this.pace.isWorkOverdue(nowMs)) this.taking?.giveUp();
    if (!this.pace.isOverdue(nowMs, this.reader?.seenBytes ?? 0)) return;
    this.desk.note("info", `${this.peer} took too long`);
    this.hangUp("took too long");
  }
  dismiss() {
    if (!this.pace.isWithinMessage) this.hangUp("shutting down");
  }
  evict() {
    this.hangUp("shutting down");
    this._socket.destroySoon();
  }
  hangUp(why) {
    if (this._upgrading) this._socket.destroy();
    this.send(421, `4.3.2 ${this.hostname} ${why}`, false);
  }
  send(code, data, context) {
    super.send(code, data, context);
    this.pace.replied(this.desk.clock.steadyMs());
    if (code < 500) return;
    this.errors += 1;
    if (this.errors !== ERRORS_MAX) return;
    this.desk.note("warn", `${this.peer} made ${ERRORS_MAX} errors`);
    super.send(421, `4.7.0 ${this.hostname} too many errors`, false);
  }
  say(reply) {
    this.send(reply.code, `${reply.enhanced} ${reply.text}`, false);
  }
  answer(reply, verb) {
    if (reply.code >= 400)
      this.desk.note("info", `${this.peer} ${verb}: ${reply.code} ${reply.text}`);
    this.say(reply);
  }
  _createParser() {
    const parser = new IntakeParser({
      takeData: (chunk) => this.takeData(chunk),
      endData: (resume) => this.endData(resume)
    });
    parser.oncommand = (command, callback) => this._onCommand(command, callback);
    parser.on("error", () => {
      this.send(500, "5.5.2 line too long", false);
      this.send(421, `4.7.0 ${this.hostname} closing`, false);
    });
    return parser;
  }
  /**
   * The common commands of an open session go straight to their handlers; everything else takes
   * the library's way, which looks at each line several times over.
   */
  _onCommand(command, callback = () => {
  }) {
    const handler = this.isOpen() ? this.findHandler(command) : void 0;
    if (handler === void 0) super._onCommand(command, callback);
    else handler.call(this, command, () => this._whenWritable(callback));
  }
  isOpen() {
    return this._ready && !this._upgrading && this.hostNameAppearsAs !== false;
  }
  findHandler(command) {
    switch (command.toString("latin1", 0, 5).toUpperCase()) {
      case "MAIL ":
        return this.handler_MAIL;
      case "RCPT ":
        return this.handler_RCPT;
      case "DATA":
        return this.handler_DATA;
      default:
        return void 0;
    }
  }
  _resetSession() {
    super._resetSession();
    this.endTransaction();
  }
  endTransaction() {
    this.transaction.reset();
    this.pace.envelopeEnded();
  }
  handler_EHLO(command, callback) {
    const names = command.toString().trim().split(/\s+/).slice(1);
    if (names.length !== 1 || !HELO_NAME.test(names[0])) {
      this.send(501, "5.5.4 syntax: EHLO hostname", false);
      callback();
      return;
    }
    this.hostNameAppearsAs = names[0].toLowerCase();
    this._resetSession();
    const lines = [this.hostname, "PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"];
    lines.push(`SIZE ${this.settings.max_message_size}`);
    if (!this.secure && this._isSupported("STARTTLS")) lines.push("STARTTLS");
    this.send(250, lines, false);
    callback();
  }
  handler_MAIL(command, callback) {
    const refusal = this.desk.host.admit();
    this.answer(refusal ?? this.transaction.mail(command, this), "MAIL");
    if (this.transaction.from !== void 0) this.pace.envelopeBegan();
    callback();
  }
  handler_RCPT(command, callback) {
    this.answer(this.transaction.rcpt(command, this), "RCPT");
    callback();
  }
  handler_DATA(command, callback) {
    const { from, recipients } = this.transaction;
    const refusal = this.desk.host.admit() ?? (this.desk.hold(0) ? void 0 : OVERLOADED);
    if (command.length !== "DATA".length) this.send(501, "5.5.4 syntax: DATA", false);
    else if (from === void 0) this.send(503, "5.5.1 need MAIL before DATA", false);
    else if (recipients.length === 0) this.send(503, "5.5.1 need RCPT before DATA", false);
    else if (refusal !== void 0) this.answer(refusal, "DATA");
    else {
      this.reader = new DataReader(this.settings.max_message_size);
      this._parser.beginData();
      this.send(354, "go ahead", false);
      this.pace.dataBegan();
    }
    callback();
  }
  takeData(chunk) {
    const reader = this.reader;
    const end = reader.feed(chunk);
    if (!this.holdBytes(reader.pieces.bytes)) {
      reader.drop();
      this.holdBytes(0);
    }
    if (end !== -1) return end;
    if (reader.seenBytes > this.settings.max_message_size + OVERRUN_BYTES_MAX) {
      this.send(421, `4.3.2 ${this.hostname} the message goes on far beyond the limit`, false);
    }
    return -1;
  }
  holdBytes(bytes) {
    const more = bytes - this.heldBytes;
    this.heldBytes = bytes;
    return this.desk.hold(more);
  }
  dropReader() {
    this.reader = void 0;
    this.holdBytes(0);
  }
  endData(resume) {
    const reader = this.reader;
    this.pace.workBegan(this.desk.clock.steadyMs());
    let isInside = true;
    const finish = (reply) => {
      this.taking = void 0;
      if (reply !== void 0) this.answer(reply, "message");
      this.dropReader();
      this.endTransaction();
      if (this.desk.isClosing) this.hangUp("shutting down");
      if (isInside) setImmediate(resume);
      else resume();
    };
    const judged = judge(reader, this.settings);
    if ("code" in judged) finish(judged);
    else this.takeIn(judged.bytes, reader.isEightBit, finish);
    isInside = false;
  }
  takeIn(bytes, isEightBit, finish) {
    const taking = new Taking(this.desk, this.settings, (outcome, fault) => {
      if (fault !== void 0) this.desk.note("error", `storing failed: ${describe(fault)}`);
      if ("code" in outcome) {
        finish(outcome);
        return;
      }
      this.messagesSent += outcome.length;
      this.errors = 0;
      this.send(250, formatAccepted(outcome), false);
      finish();
    });
    this.taking = taking;
    taking.begin(this.arrival(), bytes, isEightBit);
  }
  arrival() {
    const { from, recipients, smtpUtf8 } = this.transaction;
    const kind = smtpUtf8 ? "UTF8SMTP" : this.openingCommand === "EHLO" ? "ESMTP" : "SMTP";
    return {
      from: from ?? "",
      recipients,
      smtpUtf8,
      peer: this.peer,
      helo: this.hostNameAppearsAs || "unknown",
      protocol: this.secure ? `${kind}S` : kind,
      listener: this.desk.listener,
      hostname: this.hostname,
      at: this.desk.clock.now()
    };
  }
};
var describe = (fault) => `${fault.code} ${fault.where}: ${fault.cause}`;

// src/intake/tls-identity.ts
import { constants } from "node:crypto";
import { readFileSync } from "node:fs";
var readKey = (source) => "path" in source ? readFileSync(source.path, "utf8") : source.key_data;
function readTlsIdentity(settings) {
  const { tls_certificate, tls_private_key, tls_required_client_ca } = settings;
  if (tls_certificate === void 0 || tls_private_key === void 0) return void 0;
  const identity = {
    key: readKey(tls_private_key),
    cert: readKey(tls_certificate),
    minVersion: "TLSv1.2",
    // Tickets would share one key for the life of the process; renegotiation has no use here.
    secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION
  };
  if (tls_required_client_ca === void 0) return identity;
  const ca = readKey(tls_required_client_ca);
  return { ...identity, ca, requestCert: true, rejectUnauthorized: true };
}

// src/intake/smtp.ts
var REFUSED_COMMANDS = ["AUTH", "XCLIENT", "XFORWARD", "WIZ", "SHELL", "KILL", "LHLO"];
function serverOptions(desk, identity) {
  const disabledCommands = identity === void 0 ? [...REFUSED_COMMANDS, "STARTTLS"] : REFUSED_COMMANDS;
  return {
    ...identity,
    name: desk.machineName,
    disabledCommands,
    logger: false,
    authOptional: true,
    disableReverseLookup: true,
    hideENHANCEDSTATUSCODES: false,
    heloResponse: "%s",
    socketTimeout: desk.config.client_timeout,
    noDelay: true,
    onConnect: (_session, callback) => callback(),
    onSecure: (_socket, _session, callback) => callback()
  };
}
var Reception = class extends SMTPServer {
  desk;
  accepted = 0;
  constructor(desk, options) {
    super(options);
    this.desk = desk;
  }
  /** The library draws random bytes for the name of each connection; a number will do. */
  _handleProxy(_socket, callback) {
    this.accepted += 1;
    callback(null, { id: this.accepted.toString(36) });
  }
  connect(socket, options) {
    const session = new Session(this.desk, this, socket, options ?? {});
    this.connections.add(session);
    session.on("error", (error) => {
      this.desk.note("info", `${session.peer} lost: ${error.message}`);
    });
    session.init();
  }
};
function refuseUnsupported(config2) {
  const unsupported = ["require_proxy_protocol", "allow_xclient", "deferred_queue"];
  for (const key of unsupported) {
    if (config2[key]) {
      throw new OptionError(
        "smtpListener",
        key,
        "is not supported",
        "remove it or set it to false"
      );
    }
  }
}
var listen = (server, config2) => new Promise((resolve, reject) => {
  server.once("error", reject);
  server.listen(config2.listen.port, config2.listen.address, 1024, () => {
    server.off("error", reject);
    resolve();
  });
});
async function startSmtpListener(config2, host, bodies2, clock, log) {
  refuseUnsupported(config2);
  const desk = new Desk(config2, host, bodies2, clock, log, readMachineName());
  const reception = new Reception(desk, serverOptions(desk, readTlsIdentity(config2)));
  reception.on("error", (error) => desk.note("error", error.message));
  await listen(reception.server, config2);
  const bound = reception.server.address();
  if (bound === null || typeof bound === "string") throw new Error("the listener has no address");
  desk.listener = `${bound.address}:${bound.port}`;
  const timers = startTimers(desk, reception);
  return {
    address: bound.address,
    port: bound.port,
    sessions: () => desk.guests.size,
    stop: async (graceMs) => {
      await stop(desk, reception.server, graceMs);
      for (const timer of timers) clearInterval(timer);
    }
  };
}
function startTimers(desk, reception) {
  const sweep = setInterval(() => {
    const nowMs = desk.clock.steadyMs();
    for (const guest of desk.guests) guest.checkDeadline(nowMs);
  }, SWEEP_MS);
  const renewal = setInterval(() => {
    try {
      const identity = readTlsIdentity(desk.config);
      if (identity !== void 0) reception.updateSecureContext({ ...identity });
    } catch (error) {
      desk.note("error", `the certificate cannot be read again: ${String(error)}`);
    }
  }, IDENTITY_MS_MAX);
  return [sweep.unref(), renewal.unref()];
}
async function stop(desk, server, graceMs) {
  desk.isClosing = true;
  const closed = new Promise((resolve) => server.close(resolve));
  const evict = setTimeout(() => {
    for (const guest of desk.guests) guest.evict();
  }, graceMs);
  for (const guest of desk.guests) guest.dismiss();
  await Promise.all([closed, desk.waitUntilEmpty()]);
  clearTimeout(evict);
}

// src/ports/node/clock.ts
var TIMER_WAIT_MS_MAX = 2 ** 31 - 1;
var platform = {
  wall: () => Date.now(),
  steady: () => performance.now(),
  setTimer: (task, waitMs) => setTimeout(task, waitMs),
  clearTimer: (timer) => clearTimeout(timer)
};
var createClock = (parts = platform) => {
  const wallAtStart = parts.wall();
  const steadyAtStart = parts.steady();
  let timer;
  const wait = (dueSteadyMs, ring) => {
    const leftMs = Math.max(0, Math.ceil(dueSteadyMs - parts.steady()));
    timer = parts.setTimer(
      () => {
        timer = void 0;
        if (parts.steady() < dueSteadyMs) wait(dueSteadyMs, ring);
        else ring();
      },
      Math.min(leftMs, TIMER_WAIT_MS_MAX)
    );
  };
  const disarm = () => {
    if (timer !== void 0) parts.clearTimer(timer);
    timer = void 0;
  };
  return {
    now: () => Math.floor(wallAtStart + parts.steady() - steadyAtStart),
    steadyMs: () => parts.steady(),
    arm: (waitMs, ring) => {
      disarm();
      wait(parts.steady() + (Number.isNaN(waitMs) ? 0 : Math.max(0, waitMs)), ring);
    },
    disarm,
    soon: (task) => {
      setImmediate(task);
    }
  };
};

// bench/intake.ts
var numbers = process.argv.slice(2).filter((word) => /^\d+$/.test(word)).map(Number);
var [messages = 5e3, bodyBytes = 10240, sessions = 50] = numbers;
var isReconnecting = process.argv.includes("--new-connections");
var isStranger = process.argv.includes("--stranger");
var Sink = class {
  taken = 0;
  next = 0;
  admit() {
    return void 0;
  }
  allocateIds(count) {
    return Array.from({ length: count }, () => (this.next++).toString(16).padStart(32, "0"));
  }
  submit(submission, answered) {
    this.taken += submission.messages.length;
    setImmediate(answered);
  }
  mayRelay() {
    return true;
  }
};
var bodies = {
  write(_header, chunks, answered) {
    const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    answered({ segment: 0, offset: 0, length, sum: 0 });
  },
  read() {
  },
  refer() {
  }
};
var raw = { listen: "127.0.0.1:0", ...isStranger ? { relay_hosts: [] } : {} };
var sink = new Sink();
var config = parseListenerConfig(raw, "bench");
var listener = await startSmtpListener(config, sink, bodies, createClock(), () => {
});
async function run(count) {
  const reuse = isReconnecting ? [] : ["-d"];
  const cpuFrom = process.cpuUsage();
  const from = performance.now();
  const load = ["-s", `${sessions}`, "-l", `${bodyBytes}`, "-m", `${count}`, ...reuse];
  const place = `127.0.0.1:${listener.port}`;
  const mail = ["-f", "sender@a.test", "-t", "recipient@b.test"];
  const source = spawn("smtp-source", [...load, ...mail, place], { stdio: "inherit" });
  const [code] = await once(source, "exit");
  const spanMs = performance.now() - from;
  const { user, system } = process.cpuUsage(cpuFrom);
  const cpuMs = (user + system) / 1e3 / count;
  const perSecond = Math.round(count / spanMs * 1e3);
  const kind = isReconnecting ? "one message a connection" : "connections reused";
  console.log(
    `${count} x ${bodyBytes} B, ${sessions} sessions, ${kind}${isStranger ? ", strangers" : ""}:`,
    `${perSecond} msgs/s, ${cpuMs.toFixed(3)} ms CPU/msg, exit ${code}, taken ${sink.taken}`
  );
}
await run(Math.min(messages, 1e3));
for (let round = 0; round < 3; round += 1) await run(messages);
await listener.stop(1e3);
