// A tiny DNS server: answers A and AAAA from a table that a scenario changes, and records the questions.
import dgram from 'node:dgram'
import { Changing } from './wait.js'

const A = 1
const AAAA = 28

export interface DnsRecord {
  readonly addresses: readonly string[]
  /** Seconds; 0 by default. */
  readonly ttl?: number
}

/** `fail` is SERVFAIL, `none` NXDOMAIN, `silent` no answer at all. */
export type DnsAnswer = DnsRecord | 'fail' | 'none' | 'silent'

export class DnsServer extends Changing {
  readonly #socket: dgram.Socket
  readonly #table = new Map<string, DnsAnswer>()
  /** Questions so far, as `A name` or `AAAA name`. */
  questions: string[] = []

  private constructor(socket: dgram.Socket) {
    super()
    this.#socket = socket
    socket.on('message', (query, from) => {
      const reply = this.#reply(query)
      if (reply !== undefined) socket.send(reply, from.port, from.address)
      this.changed()
    })
  }

  static start(): Promise<DnsServer> {
    const socket = dgram.createSocket('udp4')
    return new Promise((resolve, reject) => {
      socket.once('error', reject)
      socket.bind(0, '127.0.0.1', () => resolve(new DnsServer(socket)))
    })
  }

  get port(): number {
    return this.#socket.address().port
  }

  set(name: string, answer: DnsAnswer): void {
    this.#table.set(name, answer)
  }

  asked(name: string, times = 1): Promise<true> {
    const count = (): number => this.questions.filter(question => question.endsWith(` ${name}`)).length
    return this.waitFor(
      `question ${times} for ${name}`,
      () => (count() >= times ? true : undefined),
      () => this.questions.join(', '),
    )
  }

  stop(): Promise<void> {
    return new Promise(resolve => this.#socket.close(() => resolve()))
  }

  #reply(query: Buffer): Buffer | undefined {
    const labels: string[] = []
    let at = 12
    for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
      labels.push(query.toString('latin1', at + 1, at + 1 + length))
      at += length + 1
    }
    const type = query.readUInt16BE(at + 1)
    const question = query.subarray(12, at + 5)
    const name = labels.join('.')
    this.questions.push(`${type === A ? 'A' : type === AAAA ? 'AAAA' : String(type)} ${name}`)
    const found = this.#table.get(name) ?? 'none'
    if (found === 'silent') return undefined
    const code = found === 'fail' ? 2 : found === 'none' ? 3 : 0
    const records =
      typeof found === 'string' ? [] : found.addresses.filter(address => address.includes(':') === (type === AAAA))
    const wanted = type === A || type === AAAA ? records : []
    const header = Buffer.alloc(12)
    query.copy(header, 0, 0, 2)
    header.writeUInt16BE(0x8180 | code, 2)
    header.writeUInt16BE(1, 4)
    header.writeUInt16BE(wanted.length, 6)
    const ttl = typeof found === 'string' ? 0 : (found.ttl ?? 0)
    return Buffer.concat([header, question, ...wanted.map(address => record(address, type, ttl))])
  }
}

function record(address: string, type: number, ttl: number): Buffer {
  const data = type === A ? Buffer.from(address.split('.').map(Number)) : ipv6(address)
  const head = Buffer.alloc(12)
  head.writeUInt16BE(0xc00c, 0) // the name of the question
  head.writeUInt16BE(type, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt32BE(ttl, 6)
  head.writeUInt16BE(data.length, 10)
  return Buffer.concat([head, data])
}

function ipv6(address: string): Buffer {
  const [left = '', right = ''] = address.split('::')
  const parts = (text: string): number[] => (text === '' ? [] : text.split(':').map(part => Number.parseInt(part, 16)))
  const head = parts(left)
  const tail = parts(right)
  const groups = [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => 0), ...tail]
  return Buffer.from(groups.flatMap(group => [group >> 8, group & 255]))
}
