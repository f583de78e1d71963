import { MARKER, type UnitOptions } from './unit.ts'

/** The minimum time between two starts of a gateway that exits immediately. */
const THROTTLE_SECONDS = 10
/** As with systemd: an open token request is not interrupted. */
const STOP_SECONDS = 45

/**
 * The text of the launchd job. launchd has no exit code that means "do not restart", so a
 * configuration error leads to a start every ten seconds, which the log shows.
 *
 * @param log the file for stdout and stderr
 * @see launchd.plist(5)
 */
export function plistText(label: string, options: UnitOptions, log: string): string {
  const { node, program, home, user } = options
  const strings = [node, program, 'gateway', '--home', home].map(
    (part) => `    <string>${escape(part)}</string>`,
  )
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- ${MARKER} -->
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>${escape(label)}</string>
${user === null ? '' : `  <key>UserName</key>\n  <string>${escape(user)}</string>\n`}  <key>ProgramArguments</key>
  <array>
${strings.join('\n')}
  </array>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <true/>
  <key>ThrottleInterval</key>
  <integer>${THROTTLE_SECONDS}</integer>
  <key>ExitTimeOut</key>
  <integer>${STOP_SECONDS}</integer>
  <key>Umask</key>
  <integer>63</integer>
  <key>ProcessType</key>
  <string>Background</string>
  <key>StandardOutPath</key>
  <string>${escape(log)}</string>
  <key>StandardErrorPath</key>
  <string>${escape(log)}</string>
</dict>
</plist>
`
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
