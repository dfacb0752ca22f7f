/** The command line: flags → Server. The only place that ends the process. */
import { setFlagsFromString } from 'node:v8'
import { helpText, type Options, parseCommandLine, versionText } from './command-line.js'
import { buildInfo } from './main/build-info.js'
import { newFilter } from './main/new-filter.js'
import type { FilterKind } from './support/filter-kind.js'
import { checkConfiguration } from './main/process.js'
import { Server } from './main/server.js'
import { testFilters } from './main/test-filters.js'

const running: { server: Server | undefined } = { server: undefined }

function complain(lines: readonly string[]): void {
  for (const line of lines) process.stderr.write(`${line}\n`)
}

/**
 * Bytecodes of a function that V8 lets run before it thinks of optimising it; its own number is a fifteenth. A configuration of ten
 * thousand clusters is taken once, in seconds, and a quarter of these went into optimising what soon had nothing to do. Hooks of
 * filters in TypeScript come to the same code within their first second under load.
 */
const optimisedAfter = 1_000_000

async function run(options: Options): Promise<number | undefined> {
  setFlagsFromString(`--interrupt-budget=${optimisedAfter}`)
  const started = await Server.start(options)
  if (!started.ok) {
    complain(started.error)
    return 1
  }
  running.server = started.value
  if (options.mode === 'init_only') {
    await started.value.stop()
    return 0
  }
  return undefined
}

async function check(options: Options): Promise<number> {
  const checked = await checkConfiguration(options)
  if (!checked.ok) {
    complain(checked.error)
    return 1
  }
  complain(checked.value)
  process.stdout.write(`configuration '${options.configPath}' OK\n`)
  return 0
}

function makeFilter(name: string, kind: FilterKind): number {
  const made = newFilter(name, process.cwd(), kind)
  if (!made.ok) {
    complain([`error: ${made.error}`])
    return 1
  }
  process.stdout.write(`wrote ${made.value.files.join(', ')}\n\n${made.value.next.map(line => `  ${line}\n`).join('')}`)
  return 0
}

async function stop(): Promise<void> {
  const { server } = running
  running.server = undefined
  // A second signal, or one before there is anything to stop, ends the process at once.
  await server?.stop()
  process.exit(0)
}

// Before anything else: without a listener SIGUSR1 would start Node's debugger, and SIGHUP end the process.
function listenToSignals(): void {
  process.on('SIGTERM', () => void stop())
  process.on('SIGINT', () => void stop())
  process.on('SIGHUP', () => void running.server?.reload('SIGHUP'))
  process.on('SIGUSR1', () => running.server?.reopenLogs())
}

async function main(arguments_: readonly string[]): Promise<number | undefined> {
  const parsed = parseCommandLine(arguments_)
  if (!parsed.ok) {
    complain([`error: ${parsed.error.message}`, 'see nuncio --help'])
    return 1
  }
  const command = parsed.value
  switch (command.kind) {
    case 'print':
      process.stdout.write(printed(command.what))
      return 0
    case 'check':
      return check(command.options)
    case 'new-filter':
      return makeFilter(command.name, command.filterKind)
    case 'test':
      return testFilters(command.files, process.cwd())
    case 'run':
      return command.options.mode === 'validate' ? check(command.options) : run(command.options)
  }
}

function printed(what: 'help' | 'version' | 'hot-restart-version'): string {
  if (what === 'help') return helpText()
  return what === 'version' ? `${versionText(buildInfo())}\n` : 'disabled\n'
}

listenToSignals()
void main(process.argv.slice(2)).then(code => {
  if (code !== undefined) process.exit(code)
})
