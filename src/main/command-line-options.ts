import type { JsonObject } from '../admin/json.js'
import type { Options } from '../command-line.js'

/** envoy.admin.v3.CommandLineOptions in proto JSON, defaults written out, in the order of its fields. */
export function commandLineOptions(options: Options, concurrency: number): JsonObject {
  const modes = { serve: 'Serve', validate: 'Validate', init_only: 'InitOnly' } as const
  return {
    base_id: String(options.baseId),
    concurrency,
    config_path: options.configPath,
    config_yaml: options.configYaml,
    allow_unknown_static_fields: options.allowUnknownStaticFields,
    admin_address_path: options.adminAddressPath,
    local_address_ip_version: options.localAddressIpVersion,
    log_level: options.logLevel,
    component_log_level: options.componentLogLevel,
    log_format: options.logFormat,
    log_path: options.logPath,
    service_cluster: options.serviceCluster,
    service_node: options.serviceNode,
    service_zone: options.serviceZone,
    file_flush_interval: duration(options.fileFlushIntervalMsec),
    drain_time: `${options.drainTimeS}s`,
    parent_shutdown_time: `${options.parentShutdownTimeS}s`,
    mode: modes[options.mode],
    disable_hot_restart: options.disableHotRestart,
    enable_mutex_tracing: options.enableMutexTracing,
    restart_epoch: options.restartEpoch,
    cpuset_threads: options.cpusetThreads,
    reject_unknown_dynamic_fields: options.rejectUnknownDynamicFields,
    log_format_escaped: options.logFormatEscaped,
    disabled_extensions: [...options.disabledExtensions],
    ignore_unknown_dynamic_fields: options.ignoreUnknownDynamicFields,
    use_dynamic_base_id: options.useDynamicBaseId,
    base_id_path: options.baseIdPath,
    drain_strategy: options.drainStrategy === 'gradual' ? 'Gradual' : 'Immediate',
    enable_fine_grain_logging: options.enableFineGrainLogging,
    socket_path: options.socketPath,
    socket_mode: options.socketMode,
    enable_core_dump: options.enableCoreDump,
    stats_tag: options.statsTags.map(({ name, value }) => `${name}:${value}`),
    skip_hot_restart_on_no_parent: options.skipHotRestartOnNoParent,
    skip_hot_restart_parent_stats: options.skipHotRestartParentStats,
    skip_deprecated_logs: options.skipDeprecatedLogs,
    file_flush_min_size: options.fileFlushMinSizeKb,
    log_stacktrace_single_entry: options.logStacktraceSingleEntry,
  }
}

/** As proto JSON writes a Duration: no fraction, or 3 digits of it. */
function duration(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000)
  const rest = milliseconds % 1000
  return rest === 0 ? `${seconds}s` : `${seconds}.${String(rest).padStart(3, '0')}s`
}
