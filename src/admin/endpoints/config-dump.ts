import { compileRegex } from '../../stats/pattern.js'
import type { ConfigDumpPart } from '../backend.js'
import { type AdminRequest, type AdminResponse, type Endpoint, json } from '../endpoint.js'
import { isObject, type Json, type JsonObject } from '../json.js'

export const configDump: Endpoint = {
  path: '/config_dump',
  help: 'the configuration in use',
  parameters: [
    { name: 'resource', help: 'only the elements of this repeated field of the dump, for example static_clusters' },
    { name: 'mask', help: 'only these fields (paths with dots, separated by commas); with `resource` of each element' },
    { name: 'name_regex', help: 'only resources whose whole name this regular expression matches' },
    { name: 'include_eds', help: 'endpoints too', isFlag: true },
  ],
  answer: async (request, backend) => {
    const parts = await backend.configDump({ includeEndpoints: request.query.has('include_eds') })
    return answer(request, parts)
  },
}

/** A message of the dump: its fields in order, and for the repeated ones the message they hold and the resource in it. */
interface DumpType {
  readonly plain: readonly string[]
  readonly repeated: Readonly<Record<string, ElementType>>
}

interface ElementType {
  readonly type: string
  readonly fields: readonly string[]
  /** Where its name is: the resource in this field has it; undefined: the element itself. */
  readonly named: readonly string[]
}

const element = (type: string, named: readonly string[], fields: readonly string[]): ElementType => ({
  type,
  named,
  fields,
})
const status = ['error_state', 'client_status']

const dumpTypes: Readonly<Record<string, DumpType>> = {
  BootstrapConfigDump: { plain: ['bootstrap', 'last_updated'], repeated: {} },
  ClustersConfigDump: {
    plain: ['version_info'],
    repeated: {
      static_clusters: element('ClustersConfigDump.StaticCluster', ['cluster'], ['cluster', 'last_updated']),
      dynamic_active_clusters: element(
        'ClustersConfigDump.DynamicCluster',
        ['cluster'],
        ['version_info', 'cluster', 'last_updated', ...status],
      ),
      dynamic_warming_clusters: element(
        'ClustersConfigDump.DynamicCluster',
        ['cluster'],
        ['version_info', 'cluster', 'last_updated', ...status],
      ),
    },
  },
  EndpointsConfigDump: {
    plain: [],
    repeated: {
      static_endpoint_configs: element(
        'EndpointsConfigDump.StaticEndpointConfig',
        ['endpoint_config'],
        ['endpoint_config', 'last_updated'],
      ),
      dynamic_endpoint_configs: element(
        'EndpointsConfigDump.DynamicEndpointConfig',
        ['endpoint_config'],
        ['version_info', 'endpoint_config', 'last_updated', ...status],
      ),
    },
  },
  ListenersConfigDump: {
    plain: ['version_info'],
    repeated: {
      static_listeners: element('ListenersConfigDump.StaticListener', ['listener'], ['listener', 'last_updated']),
      dynamic_listeners: element(
        'ListenersConfigDump.DynamicListener',
        [],
        ['name', 'active_state', 'warming_state', 'draining_state', ...status],
      ),
    },
  },
  ScopedRoutesConfigDump: {
    plain: [],
    repeated: {
      inline_scoped_route_configs: element(
        'ScopedRoutesConfigDump.InlineScopedRouteConfigs',
        [],
        ['name', 'scoped_route_configs', 'last_updated'],
      ),
      dynamic_scoped_route_configs: element(
        'ScopedRoutesConfigDump.DynamicScopedRouteConfigs',
        [],
        ['name', 'version_info', 'scoped_route_configs', 'last_updated', ...status],
      ),
    },
  },
  RoutesConfigDump: {
    plain: [],
    repeated: {
      static_route_configs: element(
        'RoutesConfigDump.StaticRouteConfig',
        ['route_config'],
        ['route_config', 'last_updated'],
      ),
      dynamic_route_configs: element(
        'RoutesConfigDump.DynamicRouteConfig',
        ['route_config'],
        ['version_info', 'route_config', 'last_updated', ...status],
      ),
    },
  },
  SecretsConfigDump: {
    plain: [],
    repeated: {
      static_secrets: element('SecretsConfigDump.StaticSecret', [], ['name', 'last_updated', 'secret']),
      dynamic_active_secrets: element(
        'SecretsConfigDump.DynamicSecret',
        [],
        ['name', 'version_info', 'last_updated', 'secret', ...status],
      ),
      dynamic_warming_secrets: element(
        'SecretsConfigDump.DynamicSecret',
        [],
        ['name', 'version_info', 'last_updated', 'secret', ...status],
      ),
    },
  },
  EcdsConfigDump: {
    plain: [],
    repeated: {
      ecds_filters: element(
        'EcdsConfigDump.EcdsFilterConfig',
        ['ecds_filter'],
        ['version_info', 'ecds_filter', 'last_updated', ...status],
      ),
    },
  },
}

const prefix = 'type.googleapis.com/envoy.admin.v3.'
const typeOf = (part: ConfigDumpPart): DumpType =>
  dumpTypes[part.type.slice(prefix.length)] ?? { plain: [], repeated: {} }

function refuse(status: number, body: string): AdminResponse {
  return { status, contentType: 'text/plain', body, isDoublyGuarded: true }
}

function answer({ query }: AdminRequest, parts: readonly ConfigDumpPart[]): AdminResponse {
  const mask = pathsOf(query.get('mask'))
  const pattern = query.get('name_regex') ?? ''
  const regex = compileRegex(`^(?:${pattern})$`)
  if (!regex.ok) {
    const plain = compileRegex(pattern)
    const reason = plain.ok ? regex.error : plain.error
    return {
      status: 400,
      contentType: 'text/plain',
      body: `INVALID_ARGUMENT: Error while parsing name_regex from ${pattern}: ${reason}`,
    }
  }
  const isWanted = (name: string) => pattern === '' || regex.value.test(name)
  const resource = query.get('resource') ?? ''
  return resource === '' ? wholeDump(parts, mask, isWanted) : oneResource(parts, resource, mask, isWanted)
}

function pathsOf(text: string | null): readonly (readonly string[])[] | undefined {
  return text === null || text === '' ? undefined : text.split(',').map(path => path.split('.'))
}

type Paths = readonly (readonly string[])[]

function wholeDump(
  parts: readonly ConfigDumpPart[],
  mask: Paths | undefined,
  isWanted: (name: string) => boolean,
): AdminResponse {
  const configs: JsonObject[] = []
  for (const part of parts) {
    const type = typeOf(part)
    const known = [...type.plain, ...Object.keys(type.repeated)]
    if (
      mask &&
      !mask.every(([first = '', ...rest]) => known.includes(first) && (rest.length === 0 || !(first in type.repeated)))
    )
      continue
    const fields: [string, Json][] = []
    for (const [name, value] of Object.entries(part.fields)) {
      const elementType = type.repeated[name]
      if (!elementType || !Array.isArray(value)) fields.push([name, value])
      else {
        const kept = value.filter((item: Json) => isWanted(nameOf(elementType, item)))
        if (kept.length > 0) fields.push([name, kept])
      }
    }
    const body = Object.fromEntries(fields)
    configs.push({ '@type': part.type, ...(mask ? masked(body, mask) : body) })
  }
  if (configs.length === 0 && mask) {
    const text = mask.map(path => path.join('.')).join(',')
    return refuse(400, `FieldMask ${text} could not be successfully applied to any configs.`)
  }
  return json(configs.length === 0 ? {} : { configs })
}

function oneResource(
  parts: readonly ConfigDumpPart[],
  resource: string,
  mask: Paths | undefined,
  isWanted: (name: string) => boolean,
): AdminResponse {
  for (const part of parts) {
    const type = typeOf(part)
    if (type.plain.includes(resource)) {
      return refuse(400, `${resource} is not a repeated field. Use ?mask=${resource} to get only this field`)
    }
    const elementType = type.repeated[resource]
    if (!elementType) continue
    const value = part.fields[resource]
    const items = (Array.isArray(value) ? (value as readonly Json[]) : []).filter(item =>
      isWanted(nameOf(elementType, item)),
    )
    if (mask && items.length > 0 && !mask.every(([first = '']) => elementType.fields.includes(first))) {
      const paths = mask.map(path => `paths: "${path.join('.')}"\n`).join('')
      return refuse(400, `FieldMask goo.gle/debugonly   \n${paths} could not be successfully used.`)
    }
    const configs = items.map(item => {
      const body = isObject(item) ? item : {}
      return { '@type': prefix + elementType.type, ...(mask ? masked(body, mask) : body) }
    })
    return json(configs.length === 0 ? {} : { configs })
  }
  return refuse(404, `${resource} not found in config dump`)
}

/** The resource's name; an Any has it among its own fields. */
function nameOf(type: ElementType, item: Json): string {
  let at: Json | undefined = item
  for (const step of type.named) at = isObject(at) ? at[step] : undefined
  if (!isObject(at)) return ''
  const name = at['name'] ?? at['cluster_name']
  return typeof name === 'string' ? name : ''
}

/** The object with only the fields that some path leads to; "@type" of what is in an Any stays. */
function masked(object: JsonObject, paths: Paths): JsonObject {
  const out: [string, Json][] = []
  for (const [name, value] of Object.entries(object)) {
    if (name === '@type') {
      out.push([name, value])
      continue
    }
    const rests = paths.filter(([first]) => first === name).map(path => path.slice(1))
    if (rests.length === 0) continue
    if (rests.some(rest => rest.length === 0) || !isObject(value)) out.push([name, value])
    else out.push([name, masked(value, rests)])
  }
  return Object.fromEntries(out)
}
