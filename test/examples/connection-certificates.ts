/**
 * Keys and certificates for tests of TLS: one authority, one good server, one with another name.
 * They guard nothing, were made for these tests only, and are valid for a hundred years.
 * Deliberately unknown here: who trusts them; each test says that.
 */

/** The authority that signed both servers. */
export const CA_PEM = `-----BEGIN CERTIFICATE-----
MIIBfDCCASGgAwIBAgIUNPCIS++3Jh1eyD8vLxy7xqvjM9wwCgYIKoZIzj0EAwIw
EjEQMA4GA1UEAwwHVGVzdCBDQTAgFw0yNjExMjIwMjU1NTRaGA8yMTI2MTAyOTAy
NTU1NFowEjEQMA4GA1UEAwwHVGVzdCBDQTBZMBMGByqGSM49AgEGCCqGSM49AwEH
A0IABChY3xlX+Vd8p8xZfSEiPsS5WWGG8+3Sgs65LZCO3zlhkn0cnJ8nYj/8JlnK
G2+FvdxrvMOKu+OFBo/t6xiLr4ejUzBRMB0GA1UdDgQWBBR2Yw4OAqaCpsdjUov+
KDcbVLc+4zAfBgNVHSMEGDAWgBR2Yw4OAqaCpsdjUov+KDcbVLc+4zAPBgNVHRMB
Af8EBTADAQH/MAoGCCqGSM49BAMCA0kAMEYCIQD4pE130p8/d9GjjqOy/6d+NnXq
pEb2DktcKziHor4KWAIhAMyJzicPCqE2IaUhXuQEMGzWZz6U0yTMLevLpg6OYUi8
-----END CERTIFICATE-----
`;

/** Key of the good server. */
export const GOOD_KEY = `-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIJGUb1vigNBVpjcRZ0g8IxbRu6PQP7BjcbY6+LAlqrrEoAoGCCqGSM49
AwEHoUQDQgAEiuHQCblcvKU4J6b1JOdD4LlJYqe9FYmGLVya+q6pxJiWHZlK6h4u
LjBgyulSlVRxEUgP1ps4IvphlNKuD5WOYg==
-----END EC PRIVATE KEY-----
`;

/** Certificate for peer.test and 127.0.0.1. */
export const GOOD_PEM = `-----BEGIN CERTIFICATE-----
MIIBgjCCASmgAwIBAgIUEEo65T+uOpkQi+XOx4ZFpZOmcbowCgYIKoZIzj0EAwIw
EjEQMA4GA1UEAwwHVGVzdCBDQTAgFw0yNjExMjIwMjU1NTVaGA8yMTI2MTAyOTAy
NTU1NVowDzENMAsGA1UEAwwEZ29vZDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IA
BIrh0Am5XLylOCem9STnQ+C5SWKnvRWJhi1cmvquqcSYlh2ZSuoeLi4wYMrpUpVU
cRFID9abOCL6YZTSrg+VjmKjXjBcMBoGA1UdEQQTMBGCCXBlZXIudGVzdIcEfwAA
ATAdBgNVHQ4EFgQUySYL3vIbfnQdFVk72Ewv+e2tyyIwHwYDVR0jBBgwFoAUdmMO
DgKmgqbHY1KL/ig3G1S3PuMwCgYIKoZIzj0EAwIDRwAwRAIgM3rh760CSZY8lba6
VufuQY78DcZIXTt57hUaO2EhlFACICRwqit0wDse+Lk7zAqivwsMtrxsUkwqa4Dl
dZMFwQfU
-----END CERTIFICATE-----
`;

/** Key of the other server. */
export const WRONG_KEY = `-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIPldIV7+iwASimZ3F+UesufJ3sQ/9jvUtN3jydz3d2aKoAoGCCqGSM49
AwEHoUQDQgAE3Zab+FbE0xhDRhqqfPte2ewR4eRRrt0/ysAuwiRKmnIYiPdFD9v5
fu1GIxgioc4+N7my4/Sya+658h28aFS+6w==
-----END EC PRIVATE KEY-----
`;

/** Certificate for other.test. */
export const WRONG_PEM = `-----BEGIN CERTIFICATE-----
MIIBfzCCASWgAwIBAgIUEEo65T+uOpkQi+XOx4ZFpZOmcbswCgYIKoZIzj0EAwIw
EjEQMA4GA1UEAwwHVGVzdCBDQTAgFw0yNjExMjIwMjU1NTVaGA8yMTI2MTAyOTAy
NTU1NVowEDEOMAwGA1UEAwwFd3JvbmcwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AATdlpv4VsTTGENGGqp8+17Z7BHh5FGu3T/KwC7CJEqachiI90UP2/l+7UYjGCKh
zj43ubLj9LJr7rnyHbxoVL7ro1kwVzAVBgNVHREEDjAMggpvdGhlci50ZXN0MB0G
A1UdDgQWBBQZJKyR3tZkbN92IHAHFU/m7Eo1rzAfBgNVHSMEGDAWgBR2Yw4OAqaC
psdjUov+KDcbVLc+4zAKBggqhkjOPQQDAgNIADBFAiEA4qmV8vKwmG2uby43eatm
FrdKxccfQrVp/0kWozxuvGgCIC5MxlAb6wBgYc0PfcufHssbncOloCq8U3EjqHzI
fop1
-----END CERTIFICATE-----
`;
