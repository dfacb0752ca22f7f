import { createHash } from 'node:crypto'
import { create, toBinary } from '@bufbuild/protobuf'
import type { Place, ScriptConfig } from '../api/plan-context.js'
import { ScriptSchema } from '../generated/plan_pb.js'
import type { LoadedScript, ScriptLoader } from '../script/loader.js'
import { notOfKind } from '../script/module.js'
import type { ScriptProgram } from '../threads/script-program.js'

/** Loads a filter in TypeScript and checks its settings; undefined when something is wrong, which `at` was told. */
export function scriptProgram(
  script: ScriptConfig,
  name: string,
  slotName: string,
  loader: Pick<ScriptLoader, 'load'>,
  at: Place,
): { readonly program: ScriptProgram; readonly bytes: Uint8Array } | undefined {
  const loaded = loader.load(script.module)
  if (!loaded.ok) {
    at.field('module').error(loaded.error)
    return undefined
  }
  const misplaced = notOfKind(loaded.value.kind, script.kind)
  if (misplaced !== undefined) {
    at.field('module').error(misplaced)
    return undefined
  }
  if (!checkSettings(loaded.value.readConfig, script.config, at.field('config'))) return undefined
  const { code, file } = loaded.value.bundled
  // The slot is part of it: each place has an instance of its own, which goes when the place goes.
  const parts = {
    slotName,
    name,
    kind: script.kind,
    statPrefix: script.statPrefix ?? name,
    code,
    file,
    config: JSON.stringify(script.config),
  }
  const id = createHash('sha1').update(JSON.stringify(parts)).digest('hex')
  const plan = create(ScriptSchema, { program: id, name, failOpen: script.failOpen })
  return { program: { id, ...parts }, bytes: toBinary(ScriptSchema, plan) }
}

/** Reports every issue under its own path. */
export function checkSettings(read: LoadedScript['readConfig'], config: unknown, at: Place): boolean {
  const result = read(config)
  if (result.ok) return true
  for (const issue of result.error) {
    const place = issue.path.reduce<Place>(
      (inside, step) => (typeof step === 'number' ? inside.item(step) : inside.field(step)),
      at,
    )
    place.error(issue.message)
  }
  return false
}
