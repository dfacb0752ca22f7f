import type { Place } from '../api/plan-context.js'
import { HeaderMutation_Action } from '../generated/plan_pb.js'
import {
  type HeaderValueOption,
  HeaderValueOption_HeaderAppendAction as Append,
} from '../generated/protos/envoy/config/core/v3/base_pb.js'
import type { FormatInit, HeaderMutationInit } from './init.js'

/** Parses a substitution format; reports what is wrong with it. */
export type FormatParser = (text: string, at: Place) => FormatInit

export interface MutationSource {
  readonly add: readonly HeaderValueOption[]
  readonly remove: readonly string[]
  /** Names of the two fields in the .proto, for messages. */
  readonly fields: { readonly add: string; readonly remove: string }
}

const actions: Readonly<Record<Append, HeaderMutation_Action>> = {
  [Append.APPEND_IF_EXISTS_OR_ADD]: HeaderMutation_Action.APPEND_IF_EXISTS_OR_ADD,
  [Append.ADD_IF_ABSENT]: HeaderMutation_Action.ADD_IF_ABSENT,
  [Append.OVERWRITE_IF_EXISTS_OR_ADD]: HeaderMutation_Action.OVERWRITE_IF_EXISTS_OR_ADD,
  [Append.OVERWRITE_IF_EXISTS]: HeaderMutation_Action.OVERWRITE_IF_EXISTS,
}

/** The mutations of one level (route, virtual host, …): removals first, as Envoy does them. */
export function headerMutations(source: MutationSource, at: Place, parse: FormatParser): HeaderMutationInit[] {
  if (source.remove.length + source.add.length === 0) return []
  const removals = source.remove.map((name, index) => headerRemoval(name, at.field(source.fields.remove).item(index)))
  const additions = source.add.map((option, index) =>
    headerAddition(option, at.field(source.fields.add).item(index), parse),
  )
  return [...removals, ...additions]
}

export function headerRemoval(name: string, at: Place): HeaderMutationInit {
  if (isProtected(name)) at.error(':-prefixed or host headers may not be removed')
  return { name: name.toLowerCase(), action: HeaderMutation_Action.REMOVE }
}

export function headerAddition(option: HeaderValueOption, at: Place, parse: FormatParser): HeaderMutationInit {
  const key = option.header?.key ?? ''
  const inHeader = at.field('header')
  if (isProtected(key)) inHeader.field('key').error(':-prefixed or host headers may not be modified')
  if (option.append !== undefined && option.appendAction !== Append.APPEND_IF_EXISTS_OR_ADD) {
    at.field('append').error("Both append and append_action are set and it's not allowed")
  }
  const raw = option.header?.rawValue ?? new Uint8Array()
  const isRaw = raw.length > 0
  const value = isRaw ? Buffer.from(raw).toString('utf8') : (option.header?.value ?? '')
  const action =
    option.append === false ? HeaderMutation_Action.OVERWRITE_IF_EXISTS_OR_ADD : actions[option.appendAction]
  return {
    name: key.toLowerCase(),
    action,
    keepEmptyValue: option.keepEmptyValue,
    value: parse(value, inHeader.field(isRaw ? 'raw_value' : 'value')),
  }
}

function isProtected(name: string): boolean {
  return name.startsWith(':') || name.toLowerCase() === 'host'
}
