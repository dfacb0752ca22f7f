/** JSON as a value. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject

export interface JsonObject {
  readonly [name: string]: Json
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** As protobuf prints: one space a level, a line end after the last brace, `<` and `>` escaped. */
export function printJson(value: Json): string {
  return `${JSON.stringify(value, null, 1).replace(/[<>]/g, sign => (sign === '<' ? '\\u003c' : '\\u003e'))}\n`
}
