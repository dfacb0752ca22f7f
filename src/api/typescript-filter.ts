/**
 * Declares a built-in HTTP filter that is written in TypeScript: Envoy's message for its configuration, and the module that runs in the
 * workers. To native code all of these are one kind of filter (src/extensions/filters/http/typescript).
 */
import { create, type JsonObject, type Message, toBinary } from '@bufbuild/protobuf'
import { fileURLToPath } from 'node:url'
import { ScriptFilterSchema, ScriptSettingsSchema } from '../generated/plan_pb.js'
import { defineNativeHttpFilter, type NativeExtension } from './native.js'
import type { PlanContext } from './plan-context.js'
import type { StandardSchema } from './schema.js'

export interface TypeScriptFilter<M extends Message, R extends Message> {
  readonly name: string
  readonly typeNames: NativeExtension<M>['typeNames']
  readonly status: NativeExtension['status']
  readonly securityPosture: NativeExtension['securityPosture']
  readonly policy: NonNullable<NativeExtension['policy']>
  /** The folder below src/extensions whose filter.ts runs in the workers: `filters/http/basic_auth`. */
  readonly folder: string
  /** Part of its statistics' names after `http.<stat_prefix>.`. */
  statName(config: M): string
  /** What the module's `create` is given. Errors go to the context. */
  settings(config: M, context: PlanContext): JsonObject
  readonly route?: {
    readonly typeNames: readonly [R['$typeName'], ...string[]]
    settings(config: R, context: PlanContext): JsonObject
  }
}

export function defineTypeScriptFilter<M extends Message, R extends Message = Message>(
  filter: TypeScriptFilter<M, R>,
): NativeExtension<M> {
  const { name, typeNames, status, securityPosture, policy, route } = filter
  return defineNativeHttpFilter<M, R>({
    name,
    nativeName: 'nuncio.filters.http.typescript',
    typeNames,
    status,
    securityPosture,
    policy,
    plan(config, context) {
      const slot = context.script({
        kind: 'http-filter',
        // The same from here and from a bundle: both lie one folder below dist/.
        module: fileURLToPath(new URL(`../extensions/${filter.folder}/filter.js`, import.meta.url)),
        config: filter.settings(config, context),
        failOpen: false,
        statPrefix: `http.${context.statPrefix}.${filter.statName(config)}`,
      })
      return toBinary(ScriptFilterSchema, create(ScriptFilterSchema, { slot }))
    },
    ...(route && {
      route: {
        typeNames: route.typeNames,
        plan(config: R, context: PlanContext) {
          const json = JSON.stringify(route.settings(config, context))
          return toBinary(ScriptSettingsSchema, create(ScriptSettingsSchema, { json }))
        },
      },
    }),
  })
}

/** The schema of settings that the declaration beside the module has made itself. */
export function settingsOf<T>(): StandardSchema<T> {
  return { '~standard': { version: 1, vendor: 'nuncio', validate: value => ({ value: value as T }) } }
}
