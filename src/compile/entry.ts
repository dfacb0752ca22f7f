/**
 * The compile thread's composition root: configuration text in, plans out. Messages of the Envoy API exist only in this
 * thread, which ends when it has nothing to do, so that their memory returns.
 */
import { readFileSync } from 'node:fs'
import { constants, getPriority, setPriority } from 'node:os'
import { dirname, resolve } from 'node:path'
import { parentPort } from 'node:worker_threads'
import { type DescMessage, fromBinary, toBinary } from '@bufbuild/protobuf'
import { loadBootstrap, openTypes, printConfigError } from '../config/index.js'
import type { ExtensionRegistry } from '../api/registry.js'
import { makeExtensionRegistry } from '../config/extension-registry.js'
import { loadExtensions } from '../generated/extensions.js'
import { AccessLog_Sink, AccessLogSchema } from '../generated/plan_pb.js'
import type { Bootstrap } from '../generated/protos/envoy/config/bootstrap/v3/bootstrap_pb.js'
import { loadAddon } from '../native/addon.js'
import { type CompileDeps, compileBootstrap } from '../plan/compile.js'
import { Slots } from '../plan/ids.js'
import type {
  BootstrapSource,
  CompileAnswer,
  CompiledBootstrap,
  CompileReply,
  CompileRequest,
  CompileTask,
  PackedDelta,
  RefusedBootstrap,
  ToCompileThread,
} from '../snapshot/compile-task.js'
import { packUnits } from '../snapshot/packed-units.js'
import { statsSettingsOf } from '../stats/settings.js'
import { ScriptLoader } from '../script/loader.js'
import { backgroundClock } from '../support/clock.js'
import { systemFiles } from '../support/files.js'
import { makeNode } from '../xds/node.js'
import { dumpBootstrap } from './dump.js'
import { dynamicFields } from './dump-dynamic.js'
import { waitingListeners } from './dump-waiting.js'
import { renewSecrets } from './renew-secrets.js'
import { HeapTrim } from './heap-trim.js'
import { Session } from './session.js'
import type { ConfigUnit, EngineMessage } from '../snapshot/config-delta.js'
import type { PlacedPlan } from '../snapshot/snapshot.js'

const port = parentPort
if (port === null) throw new Error('src/compile/entry.ts runs in a worker thread')
const types = openTypes()
const registry = loadExtensions().then(makeExtensionRegistry)
const heap = new HeapTrim({ clock: backgroundClock })
let current: Session | undefined
let slots: Slots | undefined
const post = (message: EngineMessage): void => {
  heap.touch()
  if (message.kind !== 'delta') return port.postMessage(message)
  const { units, ...delta } = message.delta
  const packed = packUnits(units)
  port.postMessage({ kind: 'packed-delta', delta, units: packed } satisfies PackedDelta, [packed.memory])
}
const sessionOf = (extensions: ExtensionRegistry): Session =>
  (current ??= new Session({ types, registry: extensions, post }))

const send = (reply: CompileReply): void => {
  if (!reply.ok || reply.answer.kind !== 'compiled') return port.postMessage(reply)
  const { answer } = reply
  const { unit, memory } = inOnePiece(answer.unit)
  port.postMessage({ ...reply, answer: { ...answer, unit } }, [memory, answer.bootstrap.buffer as ArrayBuffer])
}

port.on('message', async (message: ToCompileThread) => {
  heap.touch()
  if (message === 'end') {
    current?.close()
    process.exit(0)
  }
  if ('kind' in message) return current?.tell(message)
  send(await replyTo(message))
  yieldToTraffic()
})

// Of this thread alone: setpriority(2) takes 0 for the thread that calls, whatever POSIX says.
const ownThread = 0

/** The first configuration must come soon; the work on later ones gives way to traffic on the same core. */
function yieldToTraffic(): void {
  if (getPriority(ownThread) < constants.priority.PRIORITY_BELOW_NORMAL)
    setPriority(ownThread, constants.priority.PRIORITY_BELOW_NORMAL)
}

async function replyTo({ id, task }: CompileRequest): Promise<CompileReply> {
  try {
    return { id, ok: true, answer: await run(task) }
  } catch (error) {
    return { id, ok: false, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
}

async function run(task: CompileTask): Promise<CompileAnswer> {
  switch (task.kind) {
    case 'bootstrap':
      return compile(task, await registry)
    case 'dump':
      return dumpBootstrap(task, types, current?.engine && dynamicFields(current.engine, task.resolved, types))
    case 'waiting':
      return { kind: 'waiting', dumps: current?.engine === undefined ? [] : waitingListeners(current.engine) }
    case 'secrets':
      return renewSecrets(task.sources, {
        types,
        files: systemFiles,
        environment: process.env,
        checkRegex: pattern => loadAddon().checkRegex(pattern),
      })
  }
}

/** Of Envoy's API; control planes tell features by it. */
const version = { majorNumber: 1, minorNumber: 40, patch: 0 }

/** All plans in one piece of memory: to hand over thousands of small ones takes far longer than to copy them. */
function inOnePiece(whole: ConfigUnit): { readonly unit: ConfigUnit; readonly memory: ArrayBuffer } {
  const memory = new ArrayBuffer(whole.plans.reduce((sum, { bytes }) => sum + bytes.length, 0))
  let offset = 0
  const moved = ({ kind, name, slot, id, bytes }: PlacedPlan): PlacedPlan => {
    const place = new Uint8Array(memory, offset, bytes.length)
    place.set(bytes)
    offset += bytes.length
    return { kind, name, slot, id, bytes: place }
  }
  return { unit: { ...whole, plans: whole.plans.map(moved) }, memory }
}

function compile(
  task: Extract<CompileTask, { kind: 'bootstrap' }>,
  registry: ExtensionRegistry,
): CompiledBootstrap | RefusedBootstrap {
  const { source } = task
  const loaded = loadBootstrap({
    types,
    path: source.path,
    yaml: source.yaml,
    allowUnknownFields: source.allowUnknownFields,
  })
  if (!loaded.ok) return { kind: 'refused', errors: loaded.error.map(error => printConfigError(error)) }
  const { bootstrap, sources, warnings } = loaded.value
  const { build } = source
  bootstrap.node = makeNode({ node: bootstrap.node, ...source.node, version, build, extensions: registry.all() }, types)
  const raw = toBinary(types.message(bootstrap.$typeName) as DescMessage, bootstrap)
  const adminLayer = overrideRuntime(bootstrap, source.runtimeOverrides)
  const { id, cluster } = bootstrap.node
  const scripts = new ScriptLoader(source.path === '' ? process.cwd() : dirname(resolve(source.path)))
  slots ??= new Slots(task.slots)
  const deps: CompileDeps = {
    types,
    registry,
    sources,
    node: { id, cluster },
    slots,
    files: systemFiles,
    environment: process.env,
    checkRegex: pattern => loadAddon().checkRegex(pattern),
    scripts,
    backlog: somaxconn(),
    isValidation: source.isValidation === true,
  }
  const compiled = compileBootstrap(bootstrap, deps)
  if (!compiled.ok) return { kind: 'refused', errors: compiled.error.map(error => printConfigError(error)) }
  const config = compiled.value
  return {
    kind: 'compiled',
    ...sessionOf(registry).compiled(bootstrap, config, deps, source),
    slots: config.slots,
    warnings: [...warnings, ...config.warnings].map(warning => printConfigError(warning, 'warning')),
    hasUnknownFields: warnings.some(warning => warning.code === 'unknown-field'),
    admin: config.admin,
    adminLogPaths: (config.admin?.accessLogs ?? []).map(logPath),
    outlierLogPath: bootstrap.clusterManager?.outlierDetection?.eventLogPath || undefined,
    node: config.node,
    stats: {
      flushIntervalMs: config.stats.flushOnAdmin ? 0 : config.stats.flushIntervalMs,
      settings: statsSettingsOf(bootstrap.statsConfig),
      serverVersion:
        config.stats.serverVersionOverride === undefined ? undefined : Number(config.stats.serverVersionOverride),
    },
    runtime: config.runtimeLayers.map(layer => ({
      name: layer.name,
      isAdmin: layer.name === adminLayer,
      isDiscovered: layer.kind === 'rtds',
      values: Object.fromEntries(layer.values),
    })),
    connectionLimit: config.connectionLimit,
    inputs: scripts.inputs,
    bootstrap: owned(raw),
  }
}

function logPath(bytes: Uint8Array): string {
  const { sink, path } = fromBinary(AccessLogSchema, bytes)
  if (sink === AccessLog_Sink.STDOUT) return '/dev/stdout'
  return sink === AccessLog_Sink.STDERR ? '/dev/stderr' : path
}

// What is transferred must not share its memory with anything that stays.
function owned(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes)
}

/** Puts the overrides into the admin layer, which then compiles like a static one. The answer is its name. */
function overrideRuntime(bootstrap: Bootstrap, overrides: BootstrapSource['runtimeOverrides']): string | undefined {
  const layer = bootstrap.layeredRuntime?.layers.find(one => one.layerSpecifier.case === 'adminLayer')
  if (layer !== undefined && Object.keys(overrides).length > 0)
    layer.layerSpecifier = { case: 'staticLayer', value: { ...overrides } }
  return layer?.name
}

/** The default backlog of a listener, as in Envoy. */
function somaxconn(): number {
  try {
    return Number(readFileSync('/proc/sys/net/core/somaxconn', 'utf8'))
  } catch {
    return 128
  }
}
