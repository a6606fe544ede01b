/**
 * The rules that come with the program: what the registered enhanced status codes say of a failure
 * (RFC 3463, RFC 5248 and the registry at IANA). The idea: it is data in the operator's own format,
 * named in `files` like any other, before or behind the operator's own.
 * It does not know what servers write beside the codes: that is for files of one's own.
 */

/** The name under which `files` finds these rules. */
export const IANA_NAME = 'waybill:iana';

/**
 * TOML text. Every expression demands the space behind the code, which is there even where no text
 * follows. TooManyRecipients stands before ProtocolErrors, whose x.5.N would hide it.
 */
export const IANA_RULES = `
[rules]
InvalidRecipient = [
  '^(451|550) [45]\\.1\\.[1-4] ',
  '^45[02] [45]\\.2\\.4 ',
  '^5\\d\\d [45]\\.7\\.17 ',
]
BadDomain = ['^(451|550) [45]\\.1\\.10 ', '^5\\d\\d [45]\\.7\\.18 ']
InactiveMailbox = [
  '^(451|550) [45]\\.1\\.6 ',
  '^[45]\\d\\d [45]\\.2\\.1 ',
  '^525 [45]\\.7\\.13 ',
]
InvalidSender = ['^(451|550) [45]\\.1\\.[78] ', '^\\d{3} [45]\\.7\\.27 ']
QuotaIssues = [
  '^552 [45]\\.2\\.2 ',
  '^552 [45]\\.2\\.3 ',
  '^452 [45]\\.3\\.1 ',
  '^55[24] [45]\\.3\\.4 ',
]
NoAnswerFromHost = ['^451 [45]\\.4\\.1 ']
BadConnection = ['^421 [45]\\.4\\.2 ']
DNSFailure = ['^(451|550) [45]\\.4\\.3 ']
RoutingErrors = ['^\\d{3} [45]\\.4\\.4 ', '^\\d{3} [45]\\.4\\.6 ']
TransientFailure = ['^451 [45]\\.4\\.5 ']
MessageExpired = ['^\\d{3} [45]\\.4\\.7 ']
TooManyRecipients = ['^[45]\\d\\d [45]\\.5\\.3 ']
ProtocolErrors = ['^\\d{3} [45]\\.5\\.\\d{1,3} ', '^\\d{3} [45]\\.6\\.\\d{1,3} ']
AuthenticationFailed = [
  '^5\\d\\d [45]\\.7\\.(\\d|1[0-2]|14|15|19|2[0-6]|29|30) ',
]
PolicyRelated = ['^\\d{3} [45]\\.7\\.38 ']
`;
