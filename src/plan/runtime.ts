import type { JsonObject, JsonValue } from '@bufbuild/protobuf'
import { create, toBinary } from '@bufbuild/protobuf'
import type { Place } from '../api/plan-context.js'
import { RuntimeSchema } from '../generated/plan_pb.js'
import type {
  LayeredRuntime,
  RuntimeLayer,
  RuntimeLayer_DiskLayer,
} from '../generated/protos/envoy/config/bootstrap/v3/bootstrap_pb.js'
import type { Files } from '../support/files.js'

/**
 * One layer of the runtime, flattened: dotted keys, values as text. Numbers and booleans are written as JSON does, a FractionalPercent as
 * "numerator/denominator" with the denominator in figures ("25/10000").
 */
export interface RuntimeLayerValues {
  readonly name: string
  readonly kind: 'static' | 'disk' | 'admin' | 'rtds'
  readonly values: ReadonlyMap<string, string>
}

export function runtimeLayers(
  config: LayeredRuntime | undefined,
  serviceCluster: string,
  at: Place,
  files: Files,
): RuntimeLayerValues[] {
  const layers = (config?.layers ?? []).map((layer, index) =>
    layerValues(layer, serviceCluster, at.field('layers').item(index), files),
  )
  const names = new Set<string>()
  for (const [index, layer] of layers.entries()) {
    if (names.has(layer.name)) at.field('layers').item(index).field('name').error(`Duplicate layer name: ${layer.name}`)
    names.add(layer.name)
  }
  if (layers.filter(layer => layer.kind === 'admin').length > 1)
    at.error('Too many admin layers specified in LayeredRuntime, at most one may be specified')
  return layers
}

/** The values of one layer given as a message (RTDS). */
export function structValues(struct: JsonObject | undefined, at: Place): Map<string, string> {
  const values = new Map<string, string>()
  flatten(struct ?? {}, '', values, at)
  return values
}

/** All layers laid over each other, later ones winning. */
export function mergedRuntime(layers: readonly RuntimeLayerValues[]): ReadonlyMap<string, string> {
  return new Map(layers.flatMap(layer => [...layer.values]))
}

export function runtimePlan(values: ReadonlyMap<string, string>): Uint8Array {
  const sorted = [...values].sort(([a], [b]) => (a < b ? -1 : 1))
  return toBinary(
    RuntimeSchema,
    create(RuntimeSchema, { keys: sorted.map(([key]) => key), values: sorted.map(([, value]) => value) }),
  )
}

function layerValues(layer: RuntimeLayer, serviceCluster: string, at: Place, files: Files): RuntimeLayerValues {
  const spec = layer.layerSpecifier
  const values = new Map<string, string>()
  switch (spec.case) {
    case 'staticLayer':
      flatten(spec.value, '', values, at.field('static_layer'))
      return { name: layer.name, kind: 'static', values }
    case 'diskLayer':
      readFolder(diskFolder(spec.value, serviceCluster), '', values, files, 0)
      return { name: layer.name, kind: 'disk', values }
    case 'rtdsLayer':
      return { name: layer.name, kind: 'rtds', values }
    default:
      return { name: layer.name, kind: 'admin', values }
  }
}

const denominators: Readonly<Record<string, number>> = { HUNDRED: 100, TEN_THOUSAND: 10_000, MILLION: 1_000_000 }

function flatten(object: JsonObject, prefix: string, values: Map<string, string>, at: Place): void {
  for (const [name, value] of Object.entries(object)) {
    const key = prefix === '' ? name : `${prefix}.${name}`
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      const fraction = fractionText(value)
      if (fraction === undefined) flatten(value, key, values, at)
      else values.set(key, fraction)
    } else if (isScalar(value)) values.set(key, String(value))
    else at.error(`Invalid runtime entry value for ${key}`)
  }
}

function isScalar(value: JsonValue): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}

function fractionText(object: JsonObject): string | undefined {
  const { numerator, denominator = 'HUNDRED', ...others } = object
  if (Object.keys(others).length > 0 || (numerator === undefined && object['denominator'] === undefined))
    return undefined
  const bottom = denominators[String(denominator).toUpperCase()]
  return bottom === undefined ? undefined : `${Number(numerator ?? 0)}/${bottom}`
}

function diskFolder(layer: RuntimeLayer_DiskLayer, serviceCluster: string): string {
  return [layer.symlinkRoot, layer.subdirectory, layer.appendServiceCluster ? serviceCluster : '']
    .filter(part => part !== '')
    .join('/')
}

const maxFolderDepth = 16

/** A file is a key, its folders are the key's prefix; lines that begin with "#" are comments. A folder that is not there is empty. */
function readFolder(folder: string, prefix: string, values: Map<string, string>, files: Files, depth: number): void {
  if (depth > maxFolderDepth) return
  for (const name of files.list(folder) ?? []) {
    const path = `${folder}/${name}`
    const key = prefix === '' ? name : `${prefix}.${name}`
    if (name.startsWith('..')) continue // what a Kubernetes ConfigMap keeps behind its symlinks
    if (files.list(path)) readFolder(path, key, values, files, depth + 1)
    else {
      const text = Buffer.from(files.read(path) ?? []).toString('utf8')
      values.set(
        key,
        text
          .split('\n')
          .filter(line => !line.startsWith('#'))
          .join('\n')
          .trim(),
      )
    }
  }
}
