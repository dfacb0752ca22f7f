/** The gRPC methods of the configured services, and the paths that lead to them. */
import {
  createFileRegistry,
  createRegistry,
  type DescField,
  type DescMessage,
  type DescMethod,
  type FileRegistry,
  fromBinary,
  getOption,
  type Registry,
} from '@bufbuild/protobuf'
import { AnySchema, FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { create } from '@bufbuild/protobuf'
import { findField } from './json-message.js'
import { type Binding, parseTemplate, PathMatcher } from './path-template.js'
import type { Settings } from './settings.js'

const httpBody = 'google.api.HttpBody'

export interface Method {
  readonly desc: DescMethod
  /** "/package.Service/Method". */
  readonly path: string
  /** Fields from the request to where the body goes. */
  readonly bodyPath: readonly DescField[]
  readonly bodyIsHttpBody: boolean
  readonly responsePath: readonly DescField[]
  readonly responseIsHttpBody: boolean
}

/** One way to call a method. */
export interface Route {
  readonly method: Method
  readonly bodyPath: readonly DescField[]
}

export interface Api {
  readonly registry: Registry
  readonly matcher: PathMatcher<Route>
}

interface HttpRule {
  readonly pattern: { readonly case?: string; readonly value?: unknown }
  readonly body: string
  readonly responseBody: string
  readonly additionalBindings: readonly HttpRule[]
}

type Problem = (message: string) => void

/** What is wrong is told; undefined when nothing can be made of it. */
export function readApi(settings: Settings, problem: Problem): Api | undefined {
  let files: FileRegistry
  try {
    const set = fromBinary(FileDescriptorSetSchema, Buffer.from(settings.descriptors, 'base64'))
    files = createFileRegistry(set)
  } catch {
    problem('transcoding_filter: Unable to parse proto descriptor')
    return undefined
  }
  const matcher = new PathMatcher<Route>(settings.unescape, settings.takesUnregisteredVerbs)
  const option = files.getExtension('google.api.http')
  for (const name of settings.services) {
    const service = files.getService(name)
    if (service === undefined) {
      problem(`transcoding_filter: Could not find '${name}' in the proto descriptor`)
      continue
    }
    for (const desc of service.methods) {
      const isAnnotated = option !== undefined && desc.proto.options !== undefined && hasOption(desc, option.number)
      const rule = isAnnotated ? (getOption(desc, option) as unknown as HttpRule) : undefined
      if (rule === undefined && !settings.mapsAll) continue
      const path = `/${service.typeName}/${desc.name}`
      register(matcher, desc, path, rule ?? ruleOf(path), problem)
    }
  }
  return { registry: withStatus(files, settings.convertsStatus), matcher }
}

const hasOption = (desc: DescMethod, number: number): boolean =>
  desc.proto.options?.$unknown?.some(field => field.no === number) ?? false

const ruleOf = (path: string): HttpRule => ({
  pattern: { case: 'post', value: path },
  body: '*',
  responseBody: '',
  additionalBindings: [],
})

function register(matcher: PathMatcher<Route>, desc: DescMethod, path: string, rule: HttpRule, problem: Problem): void {
  const called = `${desc.parent.typeName}.${desc.name}`
  const bodyPath = fieldPath(desc.input, rule.body)
  const responsePath = fieldPath(desc.output, rule.responseBody)
  if (bodyPath === undefined || responsePath === undefined) {
    problem(`transcoding_filter: Cannot register '${called}': its body names no field`)
    return
  }
  const method: Method = {
    desc,
    path,
    bodyPath,
    bodyIsHttpBody: typeAt(desc.input, bodyPath) === httpBody,
    responsePath,
    responseIsHttpBody: typeAt(desc.output, responsePath) === httpBody,
  }
  if (responsePath.length > 0 && !method.responseIsHttpBody) {
    problem(
      `transcoding_filter: Cannot register '${called}': Setting "response_body" is not supported yet for non-HttpBody fields: ${called}`,
    )
    return
  }
  for (const one of [rule, ...rule.additionalBindings]) {
    const { verb, template } = patternOf(one)
    const parsed = template === undefined ? undefined : parseTemplate(template)
    const ownBody = fieldPath(desc.input, one.body)
    if (verb === undefined || parsed === undefined || ownBody === undefined)
      problem(`transcoding_filter: Cannot register '${called}' to path matcher`)
    else matcher.add(verb, parsed, { method, bodyPath: ownBody })
  }
}

function patternOf({ pattern }: HttpRule): { verb?: string; template?: string } {
  if (pattern.case === undefined) return {}
  if (pattern.case !== 'custom') return { verb: pattern.case.toUpperCase(), template: String(pattern.value) }
  const { kind, path } = pattern.value as { kind: string; path: string }
  return { verb: kind, template: path }
}

/** "a.b", or the whole message for "*" and nothing. */
function fieldPath(message: DescMessage, text: string): DescField[] | undefined {
  return text === '' || text === '*' ? [] : resolvePath(message, text.split('.')).fields
}

const typeAt = (message: DescMessage, path: readonly DescField[]): string => {
  const last = path.at(-1)
  if (last === undefined) return message.typeName
  return last.fieldKind === 'message' ? last.message.typeName : ''
}

/** The fields along a path of names; `missing` says which is not there. */
export function resolvePath(message: DescMessage, names: Binding['field']): { fields?: DescField[]; missing?: string } {
  const fields: DescField[] = []
  let current: DescMessage | undefined = message
  for (const name of names) {
    const field: DescField | undefined = current && findField(current, name)
    if (field === undefined) {
      const missing = current
        ? `Could not find field "${name}" in the type "${current.typeName}".`
        : `Encountered a non-leaf field "${fields.at(-1)?.name}" that is not a message while parsing FieldPath: ${names.join('.')}`
      return { missing }
    }
    fields.push(field)
    current = field.fieldKind === 'message' ? field.message : undefined
  }
  return { fields }
}

/** google.rpc.Status is known even if the descriptors have none. */
function withStatus(files: FileRegistry, isWanted: boolean): Registry {
  if (!isWanted || files.getMessage('google.rpc.Status') !== undefined) return files
  const file = create(FileDescriptorProtoSchema, {
    name: 'google/rpc/status.proto',
    package: 'google.rpc',
    syntax: 'proto3',
    dependency: ['google/protobuf/any.proto'],
    messageType: [
      {
        name: 'Status',
        field: [
          { name: 'code', number: 1, type: 5, label: 1, jsonName: 'code' },
          { name: 'message', number: 2, type: 9, label: 1, jsonName: 'message' },
          { name: 'details', number: 3, type: 11, label: 3, typeName: '.google.protobuf.Any', jsonName: 'details' },
        ],
      },
    ],
  })
  const status = createFileRegistry(file, name => (name === 'google/protobuf/any.proto' ? AnySchema.file : undefined))
  return createRegistry(files, status)
}
