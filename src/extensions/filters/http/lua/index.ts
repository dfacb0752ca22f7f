import type { JsonObject } from '@bufbuild/protobuf'
import { createRequire } from 'node:module'
import { later, whole } from '../../../../api/field-policy.js'
import { toolText } from '../../../../api/native-tool.js'
import type { Place, PlanContext } from '../../../../api/plan-context.js'
import { defineTypeScriptFilter } from '../../../../api/typescript-filter.js'
import type { DataSource } from '../../../../generated/protos/envoy/config/core/v3/base_pb.js'
import type { Lua, LuaPerRoute } from '../../../../generated/protos/envoy/extensions/filters/http/lua/v3/lua_pb.js'
import { factFormats } from './facts.js'
import type { RouteSettings, Settings } from './settings.js'
import { prepareSource } from './source.js'

const schema = 'envoy.extensions.filters.http.lua.v3'

/** envoy.filters.http.lua: scripts in Lua for requests and responses. */
const lua = defineTypeScriptFilter<Lua, LuaPerRoute>({
  name: 'envoy.filters.http.lua',
  folder: 'filters/http/lua',
  typeNames: [`${schema}.Lua`],
  status: 'stable',
  securityPosture: 'robust_to_untrusted_downstream',
  policy: {
    [`${schema}.Lua`]: {
      ...whole('inline_code source_codes default_source_code stat_prefix clear_route_cache filter_context'),
      ...later('package_paths', 'folders of Lua modules'),
      ...later('package_cpaths', 'folders of Lua modules'),
      ...later('shared_vm_id', 'Lua states that filters share'),
    },
    [`${schema}.LuaPerRoute`]: {
      ...whole('disabled name source_code filter_context'),
      ...later('package_paths', 'folders of Lua modules'),
      ...later('package_cpaths', 'folders of Lua modules'),
      ...later('shared_vm_id', 'Lua states that filters share'),
    },
  },
  statName: ({ statPrefix }) => (statPrefix === '' ? 'lua' : `lua.${statPrefix}`),
  settings: (config, context) => settings(config, context) as unknown as JsonObject,
  route: {
    typeNames: [`${schema}.LuaPerRoute`],
    settings: ({ override, filterContext }, context) => {
      const route: RouteSettings = {
        isOff: override.case === 'disabled',
        name: override.case === 'name' ? override.value : '',
        source: override.case === 'sourceCode' ? text(override.value, context, context.field('source_code')) : '',
        context: filterContext ?? {},
      }
      return { ...route }
    },
  },
})

function settings(config: Lua, context: PlanContext): Settings {
  if (config.inlineCode !== '' && config.defaultSourceCode !== undefined)
    context.error('Only one of `inline_code` or `default_source_code` can be set for the Lua filter.')
  const codes = Object.entries(config.sourceCodes)
  const at = context.field('source_codes')
  return {
    program: createRequire(import.meta.url).resolve('wasmoon-lua5.1'),
    source: config.inlineCode
      ? prepared(config.inlineCode, context.field('inline_code'))
      : text(config.defaultSourceCode, context, context.field('default_source_code')),
    sources: Object.fromEntries(codes.map(([name, source]) => [name, text(source, context, at.item(name))])),
    name: 'envoy.filters.http.lua',
    refreshesRoute: config.clearRouteCache ?? true,
    context: config.filterContext ?? {},
    facts: Object.fromEntries(
      Object.entries(factFormats).map(([name, format]) => [
        name,
        toolText({ format: context.format(format, context) }),
      ]),
    ),
  }
}

function text(source: DataSource | undefined, context: PlanContext, at: Place): string {
  return prepared(new TextDecoder().decode(context.dataSource(source, at) ?? new Uint8Array()), at)
}

function prepared(source: string, at: Place): string {
  const result = prepareSource(source)
  if (result.ok) return result.value
  at.error(`script load error: ${result.error}`)
  return ''
}

export default [lua]
