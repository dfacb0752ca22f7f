import { type Flag, type FlagName, flags } from './command-line-flags.js'
import { nearest } from './support/nearest.js'
import { defaultLogFormat, isLogComponent, type LogComponent, type LogLevel, parseLogLevel } from './support/log.js'
import { type FilterKind, filterKinds } from './support/filter-kind.js'
import { err, ok, type Result } from './support/result.js'

/** Port 0: any free one, which the log tells. */
export interface InspectAddress {
  readonly host: string
  readonly port: number
}

/** What the command line asks for. Times in the unit of their name. Strings are empty and lists are empty when not given. */
export interface Options {
  readonly mode: 'serve' | 'validate' | 'init_only'
  readonly configPath: string
  readonly configYaml: string
  /** Undefined: see support/cpu-count.ts. Never 0. */
  readonly concurrency: number | undefined
  readonly allowUnknownStaticFields: boolean
  readonly rejectUnknownDynamicFields: boolean
  readonly ignoreUnknownDynamicFields: boolean
  readonly skipDeprecatedLogs: boolean
  readonly logLevel: LogLevel
  readonly componentLogLevels: ReadonlyMap<LogComponent, LogLevel>
  /** As given, for server_info. */
  readonly componentLogLevel: string
  readonly logFormat: string
  readonly logFormatEscaped: boolean
  readonly logPath: string
  readonly serviceNode: string
  readonly serviceCluster: string
  readonly serviceZone: string
  readonly adminAddressPath: string
  readonly localAddressIpVersion: 'v4' | 'v6'
  readonly drainTimeS: number
  readonly drainStrategy: 'gradual' | 'immediate'
  readonly parentShutdownTimeS: number
  readonly fileFlushIntervalMsec: number
  /** 0 when not given; the access log then uses its own default. */
  readonly fileFlushMinSizeKb: number
  readonly statsTags: readonly { readonly name: string; readonly value: string }[]
  readonly baseId: number
  readonly useDynamicBaseId: boolean
  readonly baseIdPath: string
  readonly restartEpoch: number
  readonly disableHotRestart: boolean
  readonly skipHotRestartOnNoParent: boolean
  readonly skipHotRestartParentStats: boolean
  readonly socketPath: string
  readonly socketMode: number
  readonly enableMutexTracing: boolean
  readonly cpusetThreads: boolean
  readonly disabledExtensions: readonly string[]
  readonly enableFineGrainLogging: boolean
  readonly enableCoreDump: boolean
  readonly logStacktraceSingleEntry: boolean
  /** Where the first worker's debugger listens, and each further one a port above; undefined: no debuggers. */
  readonly inspect: InspectAddress | undefined
  /** What to tell the operator once at start: flags that change nothing here, and old names. */
  readonly notices: readonly string[]
}

export type Command =
  | { readonly kind: 'run'; readonly options: Options }
  /** `nuncio check FILE`: check the file and exit. `options.mode` is 'validate'. */
  | { readonly kind: 'check'; readonly options: Options }
  /** `nuncio new filter NAME [--kind KIND]` */
  | { readonly kind: 'new-filter'; readonly name: string; readonly filterKind: FilterKind }
  /** `nuncio test FILE…`: tests of filters. */
  | { readonly kind: 'test'; readonly files: readonly string[] }
  | { readonly kind: 'print'; readonly what: 'help' | 'version' | 'hot-restart-version' }

/** The command line is wrong; print `message` on standard error and exit with 1. */
export interface UsageError {
  readonly code: 'usage'
  readonly message: string
}

type Value = boolean | number | string | readonly string[]
type Values = ReadonlyMap<FlagName, Value>

/** `arguments_` without the names of program and script. As Envoy: `--flag value` only, each flag once, nothing after `--` is read. */
export function parseCommandLine(arguments_: readonly string[]): Result<Command, UsageError> {
  const [first] = arguments_
  if (first === 'new') return newFilter(arguments_.slice(1))
  if (first === 'test') return ok({ kind: 'test', files: arguments_.slice(1) })
  const isCheck = first === 'check'
  const inspection = takeInspect(isCheck ? arguments_.slice(1) : arguments_)
  if (!inspection.ok) return inspection
  const { inspect, others } = inspection.value
  const read = readFlags(others)
  if (!read.ok) return read
  const { values, rest } = read.value
  for (const what of ['help', 'version', 'hot-restart-version'] as const)
    if (values.get(what) === true) return ok({ kind: 'print', what })
  const options = toOptions(values)
  if (!options.ok) return options
  if (!isCheck)
    return rest.length === 0
      ? ok({ kind: 'run', options: { ...options.value, inspect } })
      : usage(`unexpected argument "${rest[0]}"`)
  const [file, second] = rest
  if (second !== undefined) return usage(`unexpected argument "${second}"`)
  const configPath = file ?? options.value.configPath
  if (configPath === '' && options.value.configYaml === '') return usage('check needs a file: nuncio check FILE')
  return ok({ kind: 'check', options: { ...options.value, configPath, mode: 'validate' } })
}

function usage(message: string): Result<never, UsageError> {
  return err({ code: 'usage', message })
}

const byName = new Map<string, Flag>(
  flags.flatMap((flag: Flag) => [
    [`--${flag.name}`, flag] as const,
    ...(flag.short ? [[`-${flag.short}`, flag] as const] : []),
  ]),
)

// --help and --version end the reading: nothing wrong after them matters, as in Envoy.
function readFlags(arguments_: readonly string[]): Result<{ values: Values; rest: readonly string[] }, UsageError> {
  const values = new Map<FlagName, Value>()
  const rest: string[] = []
  for (let at = 0; at < arguments_.length; at++) {
    const argument = arguments_[at] as string
    if (argument === '--' || argument === '--ignore_rest') break
    const flag = byName.get(argument)
    if (!flag) {
      if (argument.startsWith('-')) return unknownFlag(argument)
      rest.push(argument)
      continue
    }
    const name = flag.name as FlagName
    if (flag.kind !== 'list' && values.has(name)) return usage(`--${name} is given twice`)
    if (flag.kind === 'switch') {
      values.set(name, true)
      if (name === 'help' || name === 'version') break
      continue
    }
    const text = arguments_[++at]
    if (text === undefined) return usage(`--${name} needs a value`)
    const value = readValue(flag, text, values.get(name))
    if (!value.ok) return value
    values.set(name, value.value)
  }
  return ok({ values, rest })
}

function unknownFlag(argument: string): Result<never, UsageError> {
  const [name, ...value] = argument.split('=') as [string, ...string[]]
  const known = byName.get(name)
  if (known && value.length > 0) {
    return usage(
      known.kind === 'switch' ? `${name} takes no value` : `write a blank instead of "=": ${name} ${value.join('=')}`,
    )
  }
  const near = nearest(name, byName.keys())
  return usage(`unknown flag "${argument}"${near === undefined ? '' : `; did you mean "${near}"?`}`)
}

function readValue(flag: Flag, text: string, before: Value | undefined): Result<Value, UsageError> {
  if (flag.kind === 'list') return ok([...((before as readonly string[] | undefined) ?? []), text])
  if (flag.kind === 'string') return ok(text)
  const isNumber = /^\+?\d+$/.test(text) && Number(text) < 2 ** 32
  return isNumber ? ok(Number(text)) : usage(`--${flag.name}: "${text}" is not a number from 0 to 4294967295`)
}

function toOptions(values: Values): Result<Options, UsageError> {
  const text = (name: FlagName, otherwise = '') => (values.get(name) as string | undefined) ?? otherwise
  const number = (name: FlagName, otherwise: number) => (values.get(name) as number | undefined) ?? otherwise
  const isOn = (name: FlagName) => values.get(name) === true
  const chosen = readChoices(values)
  if (!chosen.ok) return chosen
  if (isOn('use-dynamic-base-id') && number('restart-epoch', 0) > 0) {
    return usage(`--restart-epoch ${number('restart-epoch', 0)} cannot be used with --use-dynamic-base-id`)
  }
  const concurrency = values.get('concurrency') as number | undefined
  return ok({
    ...chosen.value,
    configPath: text('config-path'),
    configYaml: text('config-yaml'),
    concurrency: concurrency === undefined ? undefined : Math.max(1, concurrency),
    allowUnknownStaticFields: isOn('allow-unknown-static-fields') || isOn('allow-unknown-fields'),
    rejectUnknownDynamicFields: isOn('reject-unknown-dynamic-fields'),
    ignoreUnknownDynamicFields: isOn('ignore-unknown-dynamic-fields'),
    skipDeprecatedLogs: isOn('skip-deprecated-logs'),
    componentLogLevel: text('component-log-level'),
    logFormat: text('log-format', defaultLogFormat),
    logFormatEscaped: isOn('log-format-escaped'),
    logPath: text('log-path'),
    serviceNode: text('service-node'),
    serviceCluster: text('service-cluster'),
    serviceZone: text('service-zone'),
    adminAddressPath: text('admin-address-path'),
    drainTimeS: number('drain-time-s', 600),
    parentShutdownTimeS: number('parent-shutdown-time-s', 900),
    fileFlushIntervalMsec: number('file-flush-interval-msec', 10_000),
    fileFlushMinSizeKb: number('file-flush-min-size-kb', 0),
    baseId: number('base-id', 0),
    useDynamicBaseId: isOn('use-dynamic-base-id'),
    baseIdPath: text('base-id-path'),
    restartEpoch: number('restart-epoch', 0),
    disableHotRestart: isOn('disable-hot-restart'),
    skipHotRestartOnNoParent: isOn('skip-hot-restart-on-no-parent'),
    skipHotRestartParentStats: isOn('skip-hot-restart-parent-stats'),
    socketPath: text('socket-path', '@envoy_domain_socket'),
    enableMutexTracing: isOn('enable-mutex-tracing'),
    cpusetThreads: isOn('cpuset-threads'),
    disabledExtensions: text('disable-extensions')
      .split(',')
      .filter(name => name !== ''),
    enableFineGrainLogging: isOn('enable-fine-grain-logging'),
    enableCoreDump: isOn('enable-core-dump'),
    logStacktraceSingleEntry: isOn('log-stacktrace-single-entry'),
    inspect: undefined,
    notices: noticesOf(values),
  })
}

type Choices = Pick<
  Options,
  'mode' | 'drainStrategy' | 'localAddressIpVersion' | 'logLevel' | 'componentLogLevels' | 'statsTags' | 'socketMode'
>

// The flags whose text means something.
function readChoices(values: Values): Result<Choices, UsageError> {
  const text = (name: FlagName, otherwise: string) => (values.get(name) as string | undefined) ?? otherwise
  const mode = choose('mode', text('mode', 'serve'), ['serve', 'validate', 'init_only'])
  if (!mode.ok) return mode
  const drainStrategy = choose('drain-strategy', text('drain-strategy', 'gradual'), ['gradual', 'immediate'])
  if (!drainStrategy.ok) return drainStrategy
  const localAddressIpVersion = choose('local-address-ip-version', text('local-address-ip-version', 'v4'), ['v4', 'v6'])
  if (!localAddressIpVersion.ok) return localAddressIpVersion
  const logLevel = readLogLevel(text('log-level', 'info'))
  if (!logLevel.ok) return logLevel
  const componentLogLevels = readComponentLevels(text('component-log-level', ''))
  if (!componentLogLevels.ok) return componentLogLevels
  const statsTags = readStatsTags((values.get('stats-tag') as readonly string[] | undefined) ?? [])
  if (!statsTags.ok) return statsTags
  return ok({
    mode: mode.value,
    drainStrategy: drainStrategy.value,
    localAddressIpVersion: localAddressIpVersion.value,
    logLevel: logLevel.value,
    componentLogLevels: componentLogLevels.value,
    statsTags: statsTags.value,
    socketMode: Number.parseInt(text('socket-mode', '0'), 8) || 0,
  })
}

function choose<const C extends string>(name: FlagName, text: string, choices: readonly C[]): Result<C, UsageError> {
  const choice = choices.find(one => one === text)
  return choice === undefined ? usage(`--${name}: unknown "${text}"; one of ${choices.join(', ')}`) : ok(choice)
}

function readLogLevel(name: string): Result<LogLevel, UsageError> {
  const level = parseLogLevel(name)
  return level
    ? ok(level)
    : usage(`invalid log level "${name}"; one of trace, debug, info, warning, error, critical, off`)
}

function readComponentLevels(text: string): Result<ReadonlyMap<LogComponent, LogLevel>, UsageError> {
  const levels = new Map<LogComponent, LogLevel>()
  for (const entry of text === '' ? [] : text.split(',')) {
    const [component = '', name, more] = entry.split(':')
    if (name === undefined || more !== undefined)
      return usage(`--component-log-level: "${entry}" is not component:level`)
    const level = readLogLevel(name)
    if (!level.ok) return level
    if (!isLogComponent(component)) return usage(`--component-log-level: there is no component "${component}"`)
    levels.set(component, level.value)
  }
  return ok(levels)
}

function readStatsTags(entries: readonly string[]): Result<Options['statsTags'], UsageError> {
  const tags: { name: string; value: string }[] = []
  for (const entry of entries) {
    const colon = entry.indexOf(':')
    const [name, value] = [entry.slice(0, colon), entry.slice(colon + 1)]
    if (colon < 0) return usage(`--stats-tag: "${entry}" is not name:value`)
    if (!/^[A-Za-z0-9]+$/.test(name))
      return usage(`--stats-tag: the name in "${entry}" may have letters and digits only`)
    if (value.includes('.')) return usage(`--stats-tag: the value in "${entry}" may not have a dot`)
    tags.push({ name, value })
  }
  return ok(tags)
}

function noticesOf(values: Values): string[] {
  const given = (flags as readonly Flag[]).filter(flag => values.has(flag.name as FlagName))
  const useless = given.flatMap(({ name, withoutEffect }) =>
    withoutEffect ? [`--${name} has no effect: ${withoutEffect}`] : [],
  )
  const old = values.has('allow-unknown-fields')
    ? ['--allow-unknown-fields is deprecated, use --allow-unknown-static-fields']
    : []
  return [...useless, ...old]
}

/** The text of --help. */
export function helpText(): string {
  const lines = (flags as readonly Flag[]).map(flag => {
    const names = `${flag.short ? `-${flag.short}, ` : ''}--${flag.name}`
    const value = flag.kind === 'switch' ? '' : flag.kind === 'uint32' ? ' <number>' : ' <text>'
    return `  ${names}${value}\n      ${flag.help}${flag.withoutEffect ? ' Without effect here.' : ''}`
  })
  return `Usage: nuncio -c FILE [flags]\n       nuncio check FILE\n       nuncio new filter NAME [--kind KIND]\n       nuncio test [FILE…]\n\nFlags are those of Envoy 1.40, and --inspect[=[HOST:]PORT], which lets Chrome DevTools debug filters in the workers; what follows "--" is ignored.\n\n${lines.join('\n')}\n`
}

/** `--inspect`, `--inspect=9230`, `--inspect=[::1]:9230`: written as Node's own flag is, not as Envoy's are. */
function takeInspect(
  all: readonly string[],
): Result<{ readonly inspect: InspectAddress | undefined; readonly others: readonly string[] }, UsageError> {
  const given = all.find(argument => /^--inspect(=|$)/.test(argument))
  if (given === undefined) return ok({ inspect: undefined, others: all })
  const [, host = '127.0.0.1', port = '9229'] = /^--inspect=(?:(.+):)?(\d+)$/.exec(given) ?? []
  const isRead = given === '--inspect' || /^--inspect=(?:.+:)?\d+$/.test(given)
  if (!isRead || Number(port) > 65_535)
    return usage(
      `--inspect takes a port or a host with a port, as in --inspect=127.0.0.1:9229, not "${given.slice(10)}"`,
    )
  const address = { host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port) }
  return ok({ inspect: address, others: all.filter(argument => argument !== given) })
}

function newFilter([what, ...rest]: readonly string[]): Result<Command, UsageError> {
  const at = rest.indexOf('--kind')
  const given = at < 0 ? 'http' : rest[at + 1]
  const filterKind = filterKinds.find(kind => kind === given)
  const names = at < 0 ? rest : [...rest.slice(0, at), ...rest.slice(at + 2)]
  const [name] = names
  if (what !== 'filter' || name === undefined || names.length > 1 || filterKind === undefined)
    return usage(`new makes a filter: nuncio new filter NAME [--kind ${filterKinds.join('|')}]`)
  return ok({ kind: 'new-filter', name, filterKind })
}

/** The text of --version, in the shape of Envoy's: `nuncio  version: <commit>/<version>/<state of the tree>/<build>/<TLS library>`. */
export function versionText(build: {
  readonly commit: string
  readonly version: string
  readonly isClean: boolean
  readonly type: string
}): string {
  return `nuncio  version: ${versionString(build)}`
}

/** The version alone, as /server_info shows it. */
export function versionString(build: {
  readonly commit: string
  readonly version: string
  readonly isClean: boolean
  readonly type: string
}): string {
  return [build.commit, build.version, build.isClean ? 'Clean' : 'Modified', build.type, 'OpenSSL'].join('/')
}
