import { connect, Socket } from 'node:net'
import type { Connect } from './probe.js'

/** A TCP connection, or one to a unix socket, straight from here. */
export const connectPlain =
  ({ ip, port }: { readonly ip: string; readonly port: number }): Connect =>
  onOpen => {
    const socket =
      ip.startsWith('/') || ip.startsWith('@') ? connect({ path: unixPath(ip) }) : connect({ host: ip, port })
    socket.setNoDelay(true)
    socket.once('connect', () => onOpen(socket))
    return socket
  }

// Abstract names begin with a zero byte.
const unixPath = (ip: string): string => (ip.startsWith('@') ? `\0${ip.slice(1)}` : ip)

/**
 * Through a worker, which has the cluster's TLS. `open` gives a descriptor, or says why it cannot. `announces`: a byte comes when the host
 * is reached; otherwise what is written before waits.
 */
export const connectThrough =
  (open: () => number | string, announces: boolean): Connect =>
  onOpen => {
    const fd = open()
    if (typeof fd === 'string') {
      const socket = new Socket()
      setImmediate(() => socket.destroy())
      return socket
    }
    const socket = new Socket({ fd, readable: true, writable: true })
    if (!announces) {
      setImmediate(() => {
        if (!socket.destroyed) onOpen(socket)
      })
      return socket
    }
    const look = () => {
      if (socket.read(1) === null) return
      socket.removeListener('readable', look)
      onOpen(socket)
    }
    socket.on('readable', look)
    return socket
  }
