import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { openTypes } from '../config/index.js'
import { compatibilityText } from './compatibility.js'
import { loadExtensions } from '../generated/extensions.js'
import { policyWith } from './field-policy.js'

const types = openTypes()
const fieldPolicy = policyWith(await loadExtensions())

test('the policy names only messages and fields that Envoy has', () => {
  const wrong = Object.entries(fieldPolicy).flatMap(([typeName, policy]) => {
    const schema = types.message(typeName)
    if (!schema) return [typeName]
    const known = new Set(schema.fields.map(field => field.name))
    return Object.keys(policy)
      .filter(name => !known.has(name))
      .map(name => `${typeName}.${name}`)
  })
  assert.deepEqual(wrong, [])
})

test('every field of a message has a verdict', () => {
  // Without a verdict a field is refused as "the setting NAME"; these are marked as not implemented in Envoy itself.
  const hidden = new Set(['envoy.config.bootstrap.v3.Bootstrap.DynamicResources.resource_locators'])
  const missing = Object.entries(fieldPolicy).flatMap(([typeName, policy]) =>
    (types.message(typeName)?.fields ?? [])
      .filter(field => !(field.name in policy))
      .map(field => `${typeName}.${field.name}`),
  )
  assert.deepEqual(
    missing.filter(name => !hidden.has(name)),
    [],
  )
})

test('what is looked into has verdicts of its own', () => {
  const plain = new Set(['google.protobuf.Any'])
  const missing = Object.entries(fieldPolicy).flatMap(([typeName, policy]) =>
    (types.message(typeName)?.fields ?? []).flatMap(field => {
      if (policy[field.name]?.kind !== 'carried') return []
      const inner = field.message?.typeName
      if (inner === undefined) return [`${typeName}.${field.name} holds no message`]
      return plain.has(inner) || inner in fieldPolicy ? [] : [`${inner} in ${typeName}.${field.name}`]
    }),
  )
  assert.deepEqual(missing, [])
})

test('docs/envoy-compat.md has the table that the policy says', () => {
  const text = readFileSync(new URL('../../docs/envoy-compat.md', import.meta.url), 'utf8')
  assert.ok(text.includes(compatibilityText(types, fieldPolicy)), 'run: node scripts/generate-compat.mjs')
})
