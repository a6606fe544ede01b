/**
 * The shaping file that comes with the program: careful values for everybody, and the large
 * providers by their exchangers. The idea: it is data in the operator's own format, so what it says
 * can be read, replaced block by block, or left out with `no_default_files`.
 * It does not know an operator's reputation: every number here is a place to start from.
 */

/** TOML text, read before the operator's files. */
export const DEFAULT_SHAPING = `
# Certificates of mail exchangers are seldom in order, so encryption is used but not demanded; a
# domain that wants more says so with MTA-STS (RFC 8461), which counts above this.
[default]
enable_tls = "OpportunisticInsecure"
connection_limit = 10
max_connection_rate = "100/min"
max_deliveries_per_connection = 100
max_ready = 2000
idle_timeout = "10s"
consecutive_connection_failures_before_delay = 20

# Gmail and the domains that Google hosts.
[provider."google"]
match = [{ MXSuffix = ".google.com" }, { MXSuffix = ".googlemail.com" }]
connection_limit = 20
max_deliveries_per_connection = 50
[[provider."google".automation]]
regex = ['4\\.7\\.28', 'unusual rate of (unsolicited )?e?mail']
action = "Suspend"
duration = "1 hour"
trigger = { Threshold = "3/10m" }

# Outlook, Hotmail, Live and MSN.
[provider."outlook"]
match = [{ MXSuffix = ".olc.protection.outlook.com" }]
connection_limit = 10
max_deliveries_per_connection = 20
[[provider."outlook".automation]]
regex = ['temporarily rate limited', '4\\.7\\.65\\d']
action = "Suspend"
duration = "1 hour"

# Domains that Microsoft hosts for others.
[provider."office365"]
match = [{ MXSuffix = ".mail.protection.outlook.com" }, { MXSuffix = ".mx.microsoft" }]
connection_limit = 20
max_deliveries_per_connection = 30

# Yahoo and AOL, with all that moved there.
[provider."yahoo"]
match = [{ MXSuffix = ".yahoodns.net" }]
connection_limit = 10
max_deliveries_per_connection = 20
[[provider."yahoo".automation]]
regex = '\\[TSS?0\\d\\]'
action = "Suspend"
duration = "2 hours"
trigger = { Threshold = "3/10m" }

[provider."icloud"]
match = [{ MXSuffix = ".mail.icloud.com" }]
connection_limit = 5
max_deliveries_per_connection = 20

[provider."comcast"]
match = [{ MXSuffix = ".comcast.net" }]
connection_limit = 5
max_deliveries_per_connection = 50

# GMX, WEB.DE and mail.com.
[provider."mailcom"]
match = [{ MXSuffix = ".gmx.net" }, { MXSuffix = ".web.de" }, { MXSuffix = ".mail.com" }]
connection_limit = 5
max_deliveries_per_connection = 50

[provider."t-online"]
match = [{ MXSuffix = ".t-online.de" }]
connection_limit = 5

[provider."orange"]
match = [{ MXSuffix = ".orange.fr" }, { MXSuffix = ".wanadoo.fr" }]
connection_limit = 2
max_deliveries_per_connection = 50

[provider."mailru"]
match = [{ MXSuffix = ".mail.ru" }]
connection_limit = 5
max_deliveries_per_connection = 20

[provider."yandex"]
match = [{ MXSuffix = ".yandex.ru" }, { MXSuffix = ".yandex.net" }]
connection_limit = 5
max_deliveries_per_connection = 20

[provider."proton"]
match = [{ MXSuffix = ".protonmail.ch" }]
connection_limit = 5

[provider."zoho"]
match = [{ MXSuffix = ".zoho.com" }, { MXSuffix = ".zoho.eu" }]
connection_limit = 5

# Filters that stand before the mail of many firms.
[provider."proofpoint"]
match = [{ MXSuffix = ".pphosted.com" }, { MXSuffix = ".ppe-hosted.com" }]
connection_limit = 10
max_deliveries_per_connection = 50

[provider."mimecast"]
match = [{ MXSuffix = ".mimecast.com" }]
connection_limit = 10
max_deliveries_per_connection = 50

[provider."barracuda"]
match = [{ MXSuffix = ".ess.barracudanetworks.com" }]
connection_limit = 10
max_deliveries_per_connection = 50
`;
