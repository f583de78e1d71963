import { isSection } from '../shape/compound.ts'
import type { Keys } from '../shape/shape.ts'

/**
 * Homes of Hermes Agent keep working: the keys that its configuration documents and
 * that are not used here are split off and listed in one line, so that a real typo still
 * stands out. A key that is declared here is ours, even if these lists contain it.
 *
 * @see https://github.com/NousResearch/hermes-agent cli-config.yaml.example and hermes_cli/config_defaults.py
 */
const ROOT_KEYS: ReadonlySet<string> = new Set(
  `agent allow_all_users always_log_local approvals attachments auxiliary bedrock bot_desktop bot_mode browser
  checkpoints clarify code_execution command_allowlist compression computer_use context context_file_max_chars
  context_file_read_timeout credential_pool_strategies cron curator custom_providers dashboard database delegation
  desktop discord display doctor fallback fallback_model fallback_providers file_read_max_chars
  filter_silence_narration goals group_sessions_per_user honcho hooks hooks_auto_accept human_delay image_gen kanban
  known_builtin_toolsets known_plugin_toolsets local_runtime logging loops lsp matrix mattermost
  max_concurrent_sessions max_live_sessions mcp mcp_discovery_timeout mcp_servers mcp_single_query_discovery_timeout
  memory moa model_catalog model_overrides models_dev monitoring multiplex_profiles network nous onboarding openrouter
  paste_collapse_char_threshold paste_collapse_threshold paste_collapse_threshold_fallback personalities
  platform_hints platform_toolsets platforms plugins prefill_messages_file privacy profile_routes prompt_caching
  provider_routing providers proxy quick_commands require_mention reset_triggers runtime secrets security session
  session_reset sessions signal skills slack smart_model_routing streaming stt stt_echo_transcripts telegram telemetry
  terminal thread_sessions_per_user timeouts timezone toolsets tool_gateway_declined_tools
  tool_loop_guardrails tool_output tts unauthorized_dm_behavior updates vault vertex video_gen vision voice wake_word
  web whatsapp worktree x_search`.split(/\s+/),
)

/** Sections of both programs, with the keys that only Hermes Agent has. */
const SECTION_KEYS: Readonly<Record<string, ReadonlySet<string>>> = {
  model: new Set(
    `aliases api_key api_mode auth_mode default_headers entra extra_body extra_headers ollama_num_ctx
    openai_runtime session_affinity_header ssl_ca_cert ssl_verify streaming temperature`.split(/\s+/),
  ),
  gateway: new Set(
    `api_server auto_multiplex_migration bot_loop_guard delivery_ledger loop_watchdog loop_watchdog_max_strikes
    loop_watchdog_probe_interval_s loop_watchdog_probe_timeout_s max_inbound_media_bytes media_delivery_allow_dirs
    message_timestamps multiplex_profiles platform_connect_timeout platforms profile_routes proxy_url respawn_storm
    restart_loop_guard scale_to_zero session_reset signal_interrupt_grace_timeout startup_watchdog
    startup_watchdog_timeout_seconds streaming strict trust_env trust_recent_files trust_recent_files_seconds
    write_sessions_json`.split(/\s+/),
  ),
  tools: new Set(['tool_search']),
}

/** The provider that Hermes Agent's example names; meant for another key than ours. */
const OTHER_PROVIDER_HOST = 'openrouter.ai'

type Section = Record<string, unknown>

/** The rest of a parsed `config.yaml`, and the keys that were split off (dotted). */
export interface SplitContent {
  readonly own: Section
  readonly ignored: readonly string[]
}

/** @param declared the keys of `config.yaml` that are used here */
export function splitForeignKeys(file: Readonly<Section>, declared: Keys): SplitContent {
  const ignored: string[] = []
  const own: Section = {}
  for (const [key, value] of Object.entries(file)) {
    // Its own bookkeeping begins with an underscore.
    if (!Object.hasOwn(declared, key) && (ROOT_KEYS.has(key) || key.startsWith('_'))) ignored.push(key)
    else own[key] = key === 'model' ? modelSection(value) : value
  }
  for (const [name, foreign] of Object.entries(SECTION_KEYS)) {
    const section = own[name]
    if (!isSection(section)) continue
    const known = declared[name]?.shape.keys ?? {}
    const kept: Section = {}
    for (const [key, value] of Object.entries(section)) {
      if (foreign.has(key) && !Object.hasOwn(known, key)) ignored.push(`${name}.${key}`)
      else kept[key] = value
    }
    if (name === 'model' && belongsToOtherProvider(kept)) {
      delete kept.base_url
      ignored.push('model.base_url')
    }
    own[name] = kept
  }
  return { own, ignored }
}

/** The older `model.model` for `model.default`. */
function modelSection(value: unknown): unknown {
  if (!isSection(value) || !('model' in value)) return value
  const { model, ...section } = value
  return { default: model, ...section }
}

/** Our keys must not go to an address that was meant for another provider's. */
function belongsToOtherProvider(model: Section): boolean {
  const { provider = 'auto', base_url: address } = model
  return (
    provider === 'auto' &&
    typeof address === 'string' &&
    URL.canParse(address) &&
    new URL(address).hostname === OTHER_PROVIDER_HOST
  )
}
