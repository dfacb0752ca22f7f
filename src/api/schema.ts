/**
 * What a filter says of its configuration: a protobuf message, or a schema of a validation library (Zod 3.24 and later, Valibot,
 * ArkType: whatever implements Standard Schema, https://standardschema.dev). The types of `create(config)` follow from it.
 */
import type { DescMessage, MessageShape } from '@bufbuild/protobuf'

/** The part of Standard Schema v1 that is used here. */
export interface StandardSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined
  }
}

export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] }

export interface StandardIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

export type ConfigSchema = DescMessage | StandardSchema

/** The value a schema describes. */
export type Configured<Schema> = Schema extends DescMessage
  ? MessageShape<Schema>
  : Schema extends { readonly '~standard': { readonly types?: infer Types } }
    ? NonNullable<Types> extends { readonly output: infer Output }
      ? Output
      : unknown
    : undefined

export function isStandardSchema(schema: ConfigSchema): schema is StandardSchema {
  return '~standard' in schema
}
