import { isAbsolute } from 'node:path'

/** Marks the files that we wrote; files without it are never changed or removed. */
export const MARKER = 'Written by "hermes service install"; "hermes service uninstall" removes it.'

export interface UnitOptions {
  /** Absolute. */
  readonly node: string
  /** `bin/hermes.js`, absolute. */
  readonly program: string
  /** Absolute. */
  readonly home: string
  /** The user of a system service; null = a user service. */
  readonly user: string | null
}

/**
 * Longer than one turn of the event loop and one write on a busy machine, short enough that a hanging
 * gateway is restarted within two minutes.
 */
const WATCHDOG_SECONDS = 60
/** A token request that is open at a stop may take 35 s; it must not be interrupted. */
const STOP_SECONDS = 45
const RESTART_SECONDS = 2
/** EX_CONFIG: a restart does not help. */
const CONFIGURATION_ERROR = 78

/**
 * What keeps a busy gateway's resident memory small, for variables that are read before the program begins:
 *
 * - The nursery, in MB a half. V8's own limit is eight times as much, which a busy gateway fills once and keeps.
 * - One heap of the C library for all threads, instead of up to eight for each core with gaps of their own: 30 MB.
 * - What is free at the end of that heap is returned from 1 MB on; otherwise the limit rises with what is freed: 10 MB.
 */
export const MEMORY_ENVIRONMENT: Readonly<Record<string, string>> = {
  NODE_OPTIONS: '--max-semi-space-size=4',
  MALLOC_ARENA_MAX: '1',
  MALLOC_TRIM_THRESHOLD_: '1048576',
}

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
${user === null ? '' : 'Wants=network-online.target\nAfter=network-online.target\n'}# Always restart, however often it has failed.
StartLimitIntervalSec=0

[Service]
Type=notify
# Node has no datagram sockets: a child process, systemd-notify, sends the notifications.
NotifyAccess=all
${Object.entries(MEMORY_ENVIRONMENT)
  .map(([name, value]) => `Environment=${name}=${value}`)
  .join('\n')}
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
 * Takes away what a chat gateway never needs. Memory stays executable for the JavaScript compiler, and
 * home folders stay writable for the sign-in shared with Claude Code.
 */
function hardening({ user, home }: UnitOptions): string[] {
  // These work without privileges, so in user services as well.
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
    // With a private /tmp, the gateway could not see a home below /tmp.
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

/** Escapes `%` (specifiers) and `$` (variables), which are active even within quotes. @see systemd.syntax(7) */
function argument(text: string): string {
  return quoted(text).replaceAll('$', '$$$$')
}

function quoted(text: string): string {
  const escaped = text.replaceAll('%', '%%')
  return /^[\w@%+=:,./-]+$/.test(escaped) ? escaped : `"${escaped.replaceAll(/["\\]/g, '\\$&')}"`
}
