import { isAbsolute } from 'node:path'

/** Who writes the file says so in it; only a file that says so is ever changed or removed. */
export const MARKER = 'Written by "hermes service install"; "hermes service uninstall" removes it.'

export interface UnitOptions {
  /** Absolute. */
  readonly node: string
  /** `bin/hermes.js`, absolute. */
  readonly program: string
  /** Absolute. */
  readonly home: string
  /** Who runs it; only for a unit of the machine. null = a unit of the user's own manager. */
  readonly user: string | null
}

/**
 * Longer than a busy machine needs for one turn of the event loop and one write, short enough
 * that a dead gateway is back within two minutes.
 */
const WATCHDOG_SECONDS = 60
/** A token request that is open at a stop may take 35 s; it must not be cut off. */
const STOP_SECONDS = 45
const RESTART_SECONDS = 2
/** EX_CONFIG: starting again does not help. */
const CONFIGURATION_ERROR = 78

/** The text of the systemd unit. @see systemd.service(5), systemd.exec(5) */
export function unitText(options: UnitOptions): string {
  const { node, program, home, user } = options
  for (const path of [node, program, home]) {
    if (!isAbsolute(path)) throw new Error(`${path} is not absolute`)
  }
  const command = [node, program, 'gateway', '--home', home].map(argument).join(' ')
  return `# ${MARKER}
[Unit]
Description=Hermes Gateway, the chat gateway for Claude
${user === null ? '' : 'Wants=network-online.target\nAfter=network-online.target\n'}# It is to be there whenever the machine is, however often it had to begin anew.
StartLimitIntervalSec=0

[Service]
Type=notify
# Node has no datagram sockets: systemd-notify, a child, speaks for it.
NotifyAccess=all
ExecStart=${command}
${user === null ? '' : `User=${user}\n`}Restart=always
RestartSec=${RESTART_SECONDS}
RestartPreventExitStatus=${CONFIGURATION_ERROR}
TimeoutStopSec=${STOP_SECONDS}
WatchdogSec=${WATCHDOG_SECONDS}
KillMode=mixed
UMask=0077

${hardening(options).join('\n')}

[Install]
WantedBy=${user === null ? 'default.target' : 'multi-user.target'}
`
}

/**
 * What a chat gateway never needs. Memory stays executable for the compiler of the JavaScript
 * engine, and the homes of people stay writable for the sign-in that Claude Code shares.
 */
function hardening({ user, home }: UnitOptions): string[] {
  // These work without privileges, and so in a user's own manager as well.
  const everywhere = [
    'NoNewPrivileges=yes',
    'LockPersonality=yes',
    'RestrictRealtime=yes',
    'RestrictSUIDSGID=yes',
    'RestrictNamespaces=yes',
    'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK',
    'SystemCallArchitectures=native',
  ]
  if (user === null) return everywhere
  return [
    ...everywhere,
    'ProtectSystem=full',
    `ReadWritePaths=${quoted(home)}`,
    // A home below /tmp would not be seen any more.
    ...(/^\/(var\/)?tmp\//.test(home) ? [] : ['PrivateTmp=yes']),
    'PrivateDevices=yes',
    'ProtectClock=yes',
    'ProtectControlGroups=yes',
    'ProtectHostname=yes',
    'ProtectKernelLogs=yes',
    'ProtectKernelModules=yes',
    'ProtectKernelTunables=yes',
    'CapabilityBoundingSet=CAP_NET_BIND_SERVICE',
  ]
}

/** `%` begins a specifier and `$` a variable, also within quotation marks. @see systemd.syntax(7) */
function argument(text: string): string {
  return quoted(text).replaceAll('$', '$$$$')
}

function quoted(text: string): string {
  const escaped = text.replaceAll('%', '%%')
  return /^[\w@%+=:,./-]+$/.test(escaped) ? escaped : `"${escaped.replaceAll(/["\\]/g, '\\$&')}"`
}
