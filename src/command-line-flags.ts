/** Envoy 1.40's flags, in the order in which --help lists them. */

export type FlagKind = 'switch' | 'string' | 'uint32' | 'list'

export interface Flag {
  readonly name: string
  readonly short?: string
  readonly kind: FlagKind
  readonly help: string
  /** Accepted for the launchers that pass it; why it changes nothing here. */
  readonly withoutEffect?: string
}

const noHotRestart = 'Nuncio does not restart by handing over to a new process'

export const flags = [
  { name: 'stats-tag', kind: 'list', help: 'A tag for every statistic, as name:value. May be repeated.' },
  {
    name: 'enable-core-dump',
    kind: 'switch',
    help: 'Enable core dumps.',
    withoutEffect: 'set the core file limit of the process instead',
  },
  { name: 'socket-mode', kind: 'string', help: 'Permissions of the hot restart socket.', withoutEffect: noHotRestart },
  { name: 'socket-path', kind: 'string', help: 'Path of the hot restart socket.', withoutEffect: noHotRestart },
  {
    name: 'disable-extensions',
    kind: 'string',
    help: 'Extensions to disable, separated by commas.',
    withoutEffect: 'an extension that the configuration does not name is never loaded',
  },
  {
    name: 'cpuset-threads',
    kind: 'switch',
    help: 'Take the default number of workers from the cpuset.',
    withoutEffect: 'the default always respects CPU affinity and cgroup quota',
  },
  {
    name: 'enable-mutex-tracing',
    kind: 'switch',
    help: 'Trace contention of mutexes.',
    withoutEffect: 'workers share no mutex on the path of a request',
  },
  { name: 'disable-hot-restart', kind: 'switch', help: 'Disable hot restart.', withoutEffect: noHotRestart },
  {
    name: 'mode',
    kind: 'string',
    help: "'serve' (default): check the configuration, then serve. 'validate': check it and exit. 'init_only': start as far as the listeners, then exit.",
  },
  {
    name: 'parent-shutdown-time-s',
    kind: 'uint32',
    help: 'Seconds until the parent of a hot restart ends.',
    withoutEffect: noHotRestart,
  },
  { name: 'drain-strategy', kind: 'string', help: "'gradual' (default) or 'immediate'." },
  { name: 'drain-time-s', kind: 'uint32', help: 'Seconds in which a removed or restarted listener drains.' },
  { name: 'file-flush-min-size-kb', kind: 'uint32', help: 'Flush a log file when it has buffered this many KiB.' },
  { name: 'file-flush-interval-msec', kind: 'uint32', help: 'Flush log files this often.' },
  { name: 'service-zone', kind: 'string', help: 'Zone of this node.' },
  { name: 'service-node', kind: 'string', help: 'Name of this node.' },
  { name: 'service-cluster', kind: 'string', help: 'Cluster of this node.' },
  { name: 'hot-restart-version', kind: 'switch', help: 'Print the hot restart compatibility version and exit.' },
  { name: 'restart-epoch', kind: 'uint32', help: 'Epoch of a hot restart.', withoutEffect: noHotRestart },
  { name: 'log-path', kind: 'string', help: 'File of the application log; standard error by default.' },
  {
    name: 'enable-fine-grain-logging',
    kind: 'switch',
    help: 'Log levels by source file.',
    withoutEffect: 'levels are set by component',
  },
  { name: 'log-format-escaped', kind: 'switch', help: 'Escape control characters in log messages.' },
  { name: 'log-format', kind: 'string', help: 'Pattern of the application log, in the syntax of spdlog.' },
  {
    name: 'component-log-level',
    kind: 'string',
    help: 'Log levels by component, such as upstream:debug,config:trace.',
  },
  {
    name: 'log-level',
    short: 'l',
    kind: 'string',
    help: 'trace, debug, info (default), warning or warn, error, critical or off.',
  },
  {
    name: 'local-address-ip-version',
    kind: 'string',
    help: 'v4 (default) or v6: the version of the local address shown in headers and logs.',
  },
  { name: 'admin-address-path', kind: 'string', help: 'File to write the address of the admin server to.' },
  {
    name: 'log-stacktrace-single-entry',
    kind: 'switch',
    help: 'Log a stack trace as one entry.',
    withoutEffect: 'a stack trace is one entry already',
  },
  { name: 'skip-deprecated-logs', kind: 'switch', help: 'Say nothing of deprecated fields.' },
  { name: 'ignore-unknown-dynamic-fields', kind: 'switch', help: 'Ignore unknown fields in dynamic configuration.' },
  { name: 'reject-unknown-dynamic-fields', kind: 'switch', help: 'Refuse unknown fields in dynamic configuration.' },
  {
    name: 'allow-unknown-static-fields',
    kind: 'switch',
    help: 'Warn of unknown fields in static configuration instead of refusing them.',
  },
  { name: 'allow-unknown-fields', kind: 'switch', help: 'Old name of --allow-unknown-static-fields.' },
  { name: 'config-yaml', kind: 'string', help: 'Configuration as YAML text, merged over that of --config-path.' },
  { name: 'config-path', short: 'c', kind: 'string', help: 'Path of the configuration file.' },
  {
    name: 'concurrency',
    kind: 'uint32',
    help: 'Number of workers; by default what CPU affinity, cgroup quota and hardware allow.',
  },
  { name: 'base-id-path', kind: 'string', help: 'File to write the base id to.', withoutEffect: noHotRestart },
  {
    name: 'skip-hot-restart-parent-stats',
    kind: 'switch',
    help: "Do not take over a parent's statistics.",
    withoutEffect: noHotRestart,
  },
  {
    name: 'skip-hot-restart-on-no-parent',
    kind: 'switch',
    help: 'Start without a parent too.',
    withoutEffect: noHotRestart,
  },
  { name: 'use-dynamic-base-id', kind: 'switch', help: 'Choose a free base id.', withoutEffect: noHotRestart },
  { name: 'base-id', kind: 'uint32', help: 'Tells several processes on one host apart.', withoutEffect: noHotRestart },
  { name: 'version', kind: 'switch', help: 'Print the version and exit.' },
  { name: 'help', short: 'h', kind: 'switch', help: 'Print this and exit.' },
] as const satisfies readonly Flag[]

export type FlagName = (typeof flags)[number]['name']
