import type { AdminBackend } from './backend.js'
import { type Json, printJson } from './json.js'

/** One path of the admin server. */
export interface Endpoint {
  readonly path: string
  /** One line for /help. */
  readonly help: string
  /** Changes something: refused unless POST. */
  readonly isPost?: true
  readonly parameters?: readonly Parameter[]
  answer(request: AdminRequest, backend: AdminBackend): AdminResponse | Promise<AdminResponse>
}

export interface Parameter {
  readonly name: string
  readonly help: string
  readonly choices?: readonly string[]
  readonly isFlag?: true
}

export interface AdminRequest {
  readonly method: string
  /** As it came, query included. */
  readonly url: string
  /** Without the query, double slashes merged. */
  readonly path: string
  readonly query: URLSearchParams
  /** The body's form values when there are any. */
  readonly form: URLSearchParams
}

export interface AdminResponse {
  readonly status: number
  readonly contentType: string
  readonly body: string | Iterable<string> | AsyncIterable<Uint8Array>
  /** A second x-content-type-options in front, which some of Envoy's answers have. */
  readonly isDoublyGuarded?: true
}

export const plainText = 'text/plain; charset=UTF-8'
export const html = 'text/html; charset=UTF-8'

export function text(body: string | Iterable<string>, status = 200): AdminResponse {
  return { status, contentType: plainText, body }
}

export function json(body: Json, status = 200): AdminResponse {
  return { status, contentType: 'application/json', body: printJson(body) }
}

export const done = (): AdminResponse => text('OK\n')
