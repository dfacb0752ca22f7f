/** gRPC's statuses in HTTP. */
import { create, fromBinary, type Message, type Registry } from '@bufbuild/protobuf'
import { reflect } from '@bufbuild/protobuf/reflect'
import type { Headers } from '../../../../api/headers.js'
import { printMessage } from './json-print.js'
import type { Settings } from './settings.js'

// Index: code of gRPC.
const httpStatuses = [200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401]

export const httpStatusOf = (code: number): number => httpStatuses[code] ?? 500

/** Undefined: none, or no number. */
export function grpcStatusIn(headers: Headers): number | undefined {
  const text = headers.get('grpc-status')
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined
}

/** google.rpc.Status as JSON: from its header, or of code and message. Undefined when it cannot be printed. */
export function printStatus(
  code: number,
  headers: Headers,
  registry: Registry,
  print: Settings['print'],
): string | undefined {
  const schema = registry.getMessage('google.rpc.Status')
  if (schema === undefined) return undefined
  try {
    const details = headers.get('grpc-status-details-bin')
    if (details !== undefined && details !== '')
      return printMessage(schema, fromBinary(schema, Buffer.from(details, 'base64')), registry, print)
    const status: Message = create(schema)
    const view = reflect(schema, status)
    for (const field of schema.fields) {
      if (field.name === 'code') view.set(field, code)
      if (field.name === 'message') view.set(field, percentDecoded(headers.get('grpc-message') ?? ''))
    }
    return printMessage(schema, status, registry, print)
  } catch {
    return undefined
  }
}

function percentDecoded(text: string): string {
  const bytes = text.replace(/%([0-9a-f]{2})/gi, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString('utf8')
}
