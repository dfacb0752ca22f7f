/**
 * Declares a built-in tracing system: Envoy's message for its configuration, what native code does of it (ids, headers), and the module that
 * sends its spans from the workers.
 */
import { create, type JsonObject, type Message, toBinary } from '@bufbuild/protobuf'
import { fileURLToPath } from 'node:url'
import { TracerSchema } from '../generated/plan_pb.js'
import type { NativeExtension } from './native.js'
import type { PlanContext, PlanInit } from './plan-context.js'

export interface TypeScriptTracer<M extends Message> {
  readonly name: string
  readonly typeNames: NativeExtension<M>['typeNames']
  readonly status: NativeExtension['status']
  readonly securityPosture: NativeExtension['securityPosture']
  readonly policy: NonNullable<NativeExtension['policy']>
  /** The folder below src/extensions whose tracer.ts runs in the workers: `tracers/zipkin`. */
  readonly folder: string
  /** What its statistics' names begin with. */
  readonly statPrefix: string
  /** What the module's `create` is given. Errors go to the context. */
  settings(config: M, context: PlanContext): JsonObject
  /** All but the program, and but what tracers have in common: node and zone. */
  tracer(config: M, context: PlanContext): PlanInit<typeof TracerSchema>
}

export function defineTypeScriptTracer<M extends Message>(definition: TypeScriptTracer<M>): NativeExtension<M> {
  const { name, typeNames, status, securityPosture, policy, folder, statPrefix } = definition
  return {
    category: 'envoy.tracers',
    isTerminal: false,
    name,
    typeNames,
    status,
    securityPosture,
    policy,
    plan(config, context) {
      const scriptSlot = context.script({
        kind: 'tracer',
        // The same from here and from a bundle: both lie one folder below dist/.
        module: fileURLToPath(new URL(`../extensions/${folder}/tracer.js`, import.meta.url)),
        config: definition.settings(config, context),
        failOpen: true,
        statPrefix,
      })
      return toBinary(TracerSchema, create(TracerSchema, { ...definition.tracer(config, context), scriptSlot }))
    },
  }
}
