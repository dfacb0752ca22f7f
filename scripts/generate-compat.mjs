// Writes the field tables of docs/envoy-compat.md from src/plan/field-policy.ts (as compiled to dist/). A test says when that is due.
import { readFileSync, writeFileSync } from 'node:fs'
import { openTypes } from '../dist/config/index.js'
import { loadExtensions } from '../dist/generated/extensions.js'
import { compatibilityEnd, compatibilityStart, compatibilityText } from '../dist/plan/compatibility.js'
import { policyWith } from '../dist/plan/field-policy.js'

const file = new URL('../docs/envoy-compat.md', import.meta.url)
const text = readFileSync(file, 'utf8')
const [start, end] = [text.indexOf(compatibilityStart), text.indexOf(compatibilityEnd)]
if (start === -1 || end === -1)
  throw new Error(`docs/envoy-compat.md lacks the line ${compatibilityStart} or ${compatibilityEnd}`)
writeFileSync(
  file,
  text.slice(0, start) +
    compatibilityText(openTypes(), policyWith(await loadExtensions())) +
    text.slice(end + compatibilityEnd.length),
)
