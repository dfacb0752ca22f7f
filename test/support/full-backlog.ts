// A port where a TCP handshake never completes: its accept queue is full and nobody takes from it.
import { type ChildProcess, spawn } from 'node:child_process'
import net from 'node:net'

let holder: ChildProcess | undefined
const fillers: net.Socket[] = []

// A stopped process keeps listening, but accepts nothing.
const LISTEN =
  "const s = require('net').createServer(); s.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => { process.stdout.write(String(s.address().port)); })"

/** Opens the port and fills its queue; returns its number. */
export async function fullBacklog(): Promise<number> {
  const child = spawn(process.execPath, ['-e', LISTEN], { stdio: ['ignore', 'pipe', 'inherit'] })
  holder = child
  const port = await new Promise<number>(resolve => child.stdout.once('data', text => resolve(Number(text))))
  child.kill('SIGSTOP')
  // With a queue of one the kernel completes two handshakes; a third one hangs.
  for (let count = 0; count < 6; count++) {
    const socket = net.connect(port, '127.0.0.1')
    socket.on('error', () => {})
    fillers.push(socket)
    const connected = await new Promise(resolve => {
      socket.once('connect', () => resolve(true))
      setTimeout(() => resolve(false), 200)
    })
    if (connected === false) break
  }
  return port
}

/** Gives the port back. */
export function emptyBacklog(): void {
  for (const socket of fillers.splice(0)) socket.destroy()
  holder?.kill('SIGKILL')
  holder = undefined
}
