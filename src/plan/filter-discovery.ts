/** Filters whose configuration comes by extension config discovery (ECDS): what a chain says of them, and what comes. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { AnySchema, type Any } from '@bufbuild/protobuf/wkt'
import type { Place } from '../api/plan-context.js'
import { ExtensionConfig_Category as Category, ExtensionConfigSchema } from '../generated/plan_pb.js'
import type { ExtensionConfigSource } from '../generated/protos/envoy/config/core/v3/config_source_pb.js'
import { checkEnd } from './chain-end.js'
import type { ChainRules, Compilation } from './compilation.js'
import { FilterContext } from './filter-context.js'
import { discoverySource } from './config-source.js'
import { namePart, planId } from './ids.js'
import type { ExtensionInit } from './init.js'
import type { ExtensionConfigUse } from './reference.js'

const typeUrl = 'type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig'

const categories: Readonly<Record<ExtensionConfigUse['category'], Category>> = {
  'envoy.filters.http': Category.HTTP_FILTER,
  'envoy.filters.http.upstream': Category.HTTP_FILTER,
  'envoy.filters.network': Category.NETWORK_FILTER,
  'envoy.filters.listener': Category.LISTENER_FILTER,
}

export type FilterCategory = ExtensionConfigUse['category']
export type DiscoveryRules = ChainRules & { readonly isLast: boolean }

/** A place in a chain whose filter is discovered. Undefined: an error was reported. */
export function discoveredFilter(
  {
    name,
    disabled,
    discovery,
  }: { readonly name: string; readonly disabled: boolean; readonly discovery: ExtensionConfigSource },
  rules: DiscoveryRules,
  at: Place,
  compilation: Compilation,
): ExtensionInit | undefined {
  const { environment, deps } = compilation
  if (discovery.applyDefaultConfigWithoutWarming && !discovery.defaultConfig) {
    at.error(`Error: filter config ${name} applied without warming but has no default config.`)
    return undefined
  }
  for (const url of discovery.typeUrls) {
    if (deps.registry.byType(rules.category, typeNameOf(url)) === undefined)
      at.field('type_urls').error(`Error: no factory found for a required type URL ${typeNameOf(url)}.`)
  }
  if (disabled && rules.isLast)
    at.error(`Error: the last (terminal) filter (${name}) in the chain cannot be disabled by default.`)
  const source = discoverySource(discovery.configSource, typeUrl, at.field('config_source'), environment.sources)
  if (!source) return undefined
  const { category, owner, called, isLast, statPrefix = '' } = rules
  const typeNames = discovery.typeUrls.map(typeNameOf)
  const defaultConfig = discovery.defaultConfig && toBinary(AnySchema, discovery.defaultConfig)
  const same = planId(
    defaultConfig ?? new Uint8Array(),
    [source.key, called, isLast, statPrefix, ...typeNames].join(' '),
  )
  const slot = deps.slots.of('extensionConfigs', `${owner}/${namePart(name)}@${same.slice(0, 16)}`)
  const use: ExtensionConfigUse = {
    slot,
    category,
    called,
    typeNames,
    owner,
    statPrefix,
    isLast,
    appliesDefaultAtOnce: discovery.applyDefaultConfigWithoutWarming,
    ...(defaultConfig && { defaultConfig }),
  }
  // For its errors: who takes the configuration in makes the plan.
  if (discovery.defaultConfig)
    extensionConfig(name, discovery.defaultConfig, use, at.field('default_config'), compilation.scratch())
  compilation.refer({ kind: 'extension-config', source, name, slot, isRequired: !use.appliesDefaultAtOnce, use })
  return { name, disabled, configSlot: slot }
}

/** What a configuration that came, or the default, makes of its place. Undefined: an error was reported. */
export function extensionConfig(
  name: string,
  config: Any,
  use: ExtensionConfigUse,
  at: Place,
  compilation: Compilation,
): Uint8Array | undefined {
  const unpacked = compilation.unpack(config, at)
  if (!unpacked) return undefined
  if (!use.typeNames.includes(unpacked.typeName)) {
    at.error(`Error: filter config has type URL ${unpacked.typeName} but expect ${use.typeNames.join(', ')}.`)
    return undefined
  }
  const definition = compilation.deps.registry.byType(use.category, unpacked.typeName)
  if (!definition) return undefined // the field walk says so
  if (use.category !== 'envoy.filters.listener') checkEnd(`${name} of type ${definition.name}`, definition, use, at)
  const context = new FilterContext(compilation, at, `${use.owner}/discovered`, name, { statPrefix: use.statPrefix })
  const extension: ExtensionInit = {
    type: definition.nativeName ?? definition.name,
    name,
    plan: definition.plan?.(unpacked.message, context) ?? new Uint8Array(),
  }
  return toBinary(
    ExtensionConfigSchema,
    create(ExtensionConfigSchema, { category: categories[use.category], extension }),
  )
}

export const defaultConfigOf = ({ defaultConfig }: ExtensionConfigUse): Any | undefined =>
  defaultConfig && fromBinary(AnySchema, defaultConfig)

const typeNameOf = (url: string): string => url.slice(url.lastIndexOf('/') + 1)
