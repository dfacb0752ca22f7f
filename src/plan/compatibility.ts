import type { Types } from '../config/index.js'
import type { PolicyTable, Verdict } from './field-policy.js'
import { extensionOf, knownExtensionNames } from './known-extensions.js'

/** Lines between which docs/envoy-compat.md holds this text. */
export const compatibilityStart =
  '<!-- fields: written by scripts/generate-compat.mjs from src/plan/field-policy.ts -->'
export const compatibilityEnd = '<!-- end of fields -->'

/** Extensions whose settings the policy names, and those that access-log.ts compiles; every other one of Envoy's is to come. */
function carriedExtensions(table: PolicyTable): readonly string[] {
  const loggers = ['file', 'http_grpc', 'stderr', 'stdout', 'tcp_grpc'].map(name => `envoy.access_loggers.${name}`)
  const named = Object.keys(table).flatMap(typeName => extensionOf(typeName) ?? [])
  return [...new Set([...loggers, ...named])].sort()
}

/** The tables of docs/envoy-compat.md: per message what is carried out, accepted without effect, and refused; and the extensions. */
export function compatibilityText(types: Types, table: PolicyTable): string {
  const messages = Object.keys(table).filter(name => (types.message(name)?.fields.length ?? 0) > 0)
  return [
    compatibilityStart,
    ...messages.flatMap(name => messageText(name, table)),
    ...extensionText(table),
    compatibilityEnd,
  ].join('\n')
}

function messageText(typeName: string, table: PolicyTable): string[] {
  const entries = Object.entries(table[typeName] ?? {})
  const carried = entries.flatMap(([name, verdict]) => (isCarried(verdict) ? [`\`${name}\``] : []))
  const rows = entries.flatMap(([name, verdict]) => {
    if (verdict.kind === 'tuning') return [`| \`${name}\` | accepted with a warning: ${verdict.note} |`]
    return verdict.kind === 'later' ? [`| \`${name}\` | refused: ${verdict.what} |`] : []
  })
  if (rows.length === 0) return []
  const head = carried.length === 0 ? [] : [`| ${carried.join(', ')} | carried out |`]
  return ['', `**${typeName}**`, '', '| fields | here |', '|---|---|', ...head, ...rows]
}

const isCarried = (verdict: Verdict): boolean => verdict.kind === 'carried' || verdict.kind === 'whole'

function extensionText(table: PolicyTable): string[] {
  const carried = carriedExtensions(table)
  const toCome = knownExtensionNames.filter(name => !carried.includes(name))
  return [
    '',
    '**Extensions carried out**',
    '',
    carried.map(name => `\`${name}\``).join(',\n'),
    '',
    '**Extensions refused by name, still to come**',
    '',
    toCome.map(name => `\`${name}\``).join(',\n'),
  ]
}
