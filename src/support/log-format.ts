import type { LogComponent, LogLevel } from './log-level.js'

/** Envoy's default. */
export const defaultLogFormat = '[%Y-%m-%d %T.%e][%t][%l][%n] [%g:%#] %v'

export interface LogRecord {
  readonly time: Date
  readonly thread: number
  readonly level: LogLevel
  readonly component: LogComponent
  readonly message: string
  readonly file?: string
  readonly line?: number
  readonly call?: string
}

const two = (value: number) => String(value).padStart(2, '0')
const three = (value: number) => String(value).padStart(3, '0')
const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'] as const
const months = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
] as const
const shortLevels: Readonly<Record<LogLevel, string>> = {
  trace: 'T',
  debug: 'D',
  info: 'I',
  warning: 'W',
  error: 'E',
  critical: 'C',
  off: 'O',
}

const clock24 = (time: Date) => `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`
const hour12 = (time: Date) => two(time.getHours() % 12 || 12)
const half = (time: Date) => (time.getHours() < 12 ? 'AM' : 'PM')
const dayName = (time: Date) => days[time.getDay()] as string
const monthName = (time: Date) => months[time.getMonth()] as string
const shortDate = (time: Date) => `${two(time.getMonth() + 1)}/${two(time.getDate())}/${two(time.getFullYear() % 100)}`
const dateTime = (time: Date) =>
  `${dayName(time).slice(0, 3)} ${monthName(time).slice(0, 3)} ${time.getDate()} ${clock24(time)} ${time.getFullYear()}`

function zone(time: Date): string {
  const minutes = -time.getTimezoneOffset()
  return `${minutes < 0 ? '-' : '+'}${two(Math.trunc(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`
}

function escapeLine(text: string): string {
  return text
    .replaceAll('\\', '\\\\')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t')
    .replaceAll('"', '\\"')
}

const baseName = (record: LogRecord) => (record.file ?? '').replace(/^.*\//, '')

/** spdlog's flags, and Envoy's own: %_ (message with its line ends escaped) and %j (message as the inside of a JSON string). */
const flags: Readonly<Record<string, (record: LogRecord) => string>> = {
  Y: ({ time }) => String(time.getFullYear()),
  C: ({ time }) => two(time.getFullYear() % 100),
  m: ({ time }) => two(time.getMonth() + 1),
  d: ({ time }) => two(time.getDate()),
  H: ({ time }) => two(time.getHours()),
  I: ({ time }) => hour12(time),
  M: ({ time }) => two(time.getMinutes()),
  S: ({ time }) => two(time.getSeconds()),
  e: ({ time }) => three(time.getMilliseconds()),
  f: ({ time }) => `${three(time.getMilliseconds())}000`,
  F: ({ time }) => `${three(time.getMilliseconds())}000000`,
  E: ({ time }) => String(Math.floor(time.getTime() / 1000)),
  T: ({ time }) => clock24(time),
  X: ({ time }) => clock24(time),
  R: ({ time }) => clock24(time).slice(0, 5),
  r: ({ time }) => `${hour12(time)}:${two(time.getMinutes())}:${two(time.getSeconds())} ${half(time)}`,
  p: ({ time }) => half(time),
  z: ({ time }) => zone(time),
  a: ({ time }) => dayName(time).slice(0, 3),
  A: ({ time }) => dayName(time),
  b: ({ time }) => monthName(time).slice(0, 3),
  h: ({ time }) => monthName(time).slice(0, 3),
  B: ({ time }) => monthName(time),
  c: ({ time }) => dateTime(time),
  D: ({ time }) => shortDate(time),
  x: ({ time }) => shortDate(time),
  t: ({ thread }) => String(thread),
  P: () => String(process.pid),
  l: ({ level }) => level,
  L: ({ level }) => shortLevels[level],
  n: ({ component }) => component,
  v: ({ message }) => message,
  _: ({ message }) => message.replaceAll('\n', '\\n').replaceAll('\r', '\\r'),
  j: ({ message }) => JSON.stringify(message).slice(1, -1),
  g: ({ file }) => file ?? '',
  s: baseName,
  '#': ({ line }) => String(line ?? 0),
  '@': record => `${baseName(record)}:${record.line ?? 0}`,
  '!': ({ call }) => call ?? '',
  '%': () => '%',
  '^': () => '', // colours
  $: () => '',
}

const callerFlags = ['g', 's', '#', '@', '!']

/** Compiles spdlog's pattern. Padding (`%-10n`, `%=8l`, `%!`) is kept; an unknown flag is printed as it stands. */
export function compileLogFormat(
  format: string,
  isEscaped: boolean,
): { print: (record: LogRecord) => string; needsCaller: boolean } {
  const parts: (string | ((record: LogRecord) => string))[] = []
  const names: string[] = []
  for (const [text, alignment, width, flag] of format.matchAll(/%([-=]?)(\d{0,3})([A-Za-z#@!%_^$])|[^%]+|%/g)) {
    const print = flag === undefined ? undefined : flags[flag]
    if (!print || flag === undefined) {
      parts.push(text)
      continue
    }
    names.push(flag)
    const source = isEscaped && flag === 'v' ? (record: LogRecord) => escapeLine(record.message) : print
    parts.push(width ? record => pad(source(record), Number(width), alignment ?? '') : source)
  }
  const print = (record: LogRecord) => parts.map(part => (typeof part === 'string' ? part : part(record))).join('')
  return { print, needsCaller: names.some(name => callerFlags.includes(name)) }
}

function pad(text: string, width: number, alignment: string): string {
  if (alignment === '-') return text.padEnd(width)
  if (alignment === '=')
    return text.padStart(text.length + Math.floor(Math.max(0, width - text.length) / 2)).padEnd(width)
  return text.padStart(width)
}
