// Body framing: what is refused so that no request is smuggled.
import { head } from '../support/bytes.js'
import { http } from '../support/config.js'
import { feature } from '../support/scenario.js'

feature('body framing refused', { file: import.meta.url, listeners: [http('main')] }, f => {
  const te = (...lines: string[]): string => head('POST / HTTP/1.1', 'host: a', ...lines)
  f.exchange('content-length and transfer-encoding', {
    send: te('content-length: 5', 'transfer-encoding: chunked') + '0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n',
    sees: `
      < client
      HTTP/1.1 400 Bad Request
      content-length: 11
      content-type: text/plain
      date: DATE
      server: envoy
      connection: close

      Bad Request
      (closed)
      log: HTTP/1.1 400 DPE http1.content_length_and_chunked_not_allowed in=0 out=11
    `,
  })
  f.exchange('transfer-encoding and content-length', {
    send: te('transfer-encoding: chunked', 'content-length: 5') + '0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n',
    sees: `
      < client
      HTTP/1.1 400 Bad Request
      content-length: 11
      content-type: text/plain
      date: DATE
      server: envoy
      connection: close

      Bad Request
      (closed)
      log: HTTP/1.1 400 DPE http1.content_length_and_chunked_not_allowed in=0 out=11
    `,
  })
  f.exchange('two different content-lengths', {
    send: te('content-length: 3', 'content-length: 4') + 'abcd',
    sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.codec_error in=0 out=11
  `,
  })
  f.exchange('two equal content-lengths', {
    send: te('content-length: 3', 'content-length: 3') + 'abc',
    sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.codec_error in=0 out=11
  `,
  })
  f.exchange('a content-length list of equal values', {
    send: te('content-length: 3, 3') + 'abc',
    sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.codec_error in=0 out=11
  `,
  })
  f.exchange('a content-length list of different values', {
    send: te('content-length: 3, 4') + 'abc',
    sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.codec_error in=0 out=11
  `,
  })
  f.exchange('a negative content-length', {
    send: te('content-length: -1') + 'abc',
    sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.codec_error in=0 out=11
  `,
  })
  f.exchange('a content-length with a plus', {
    send: te('content-length: +3') + 'abc',
    sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.codec_error in=0 out=11
  `,
  })
  f.exchange('a content-length that is no number', {
    send: te('content-length: abc') + 'abc',
    sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.codec_error in=0 out=11
  `,
  })
  f.exchange('a content-length with trailing letters', {
    send: te('content-length: 3x') + 'abc',
    sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.codec_error in=0 out=11
  `,
  })
  f.exchange('an empty content-length', {
    send: te('content-length:') + 'abc',
    sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.codec_error in=0 out=11
  `,
  })
  f.exchange('a hexadecimal content-length', {
    send: te('content-length: 0x3') + 'abc',
    sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.codec_error in=0 out=11
  `,
  })
  f.exchange('a content-length beyond 64 bits', {
    send: te('content-length: 18446744073709551616') + 'abc',
    sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.codec_error in=0 out=11
  `,
  })
  f.exchange('a content-length with a space inside', {
    send: te('content-length: 3 3') + 'abc',
    sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.codec_error in=0 out=11
  `,
  })
  f.exchange('transfer-encoding identity', {
    send: te('transfer-encoding: identity') + 'abc',
    sees: `
    < client
    HTTP/1.1 501 Not Implemented
    content-length: 15
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Not Implemented
    (closed)
    log: HTTP/1.1 501 DPE http1.invalid_transfer_encoding in=0 out=15
  `,
  })
  f.exchange('transfer-encoding gzip', {
    send: te('transfer-encoding: gzip') + 'abc',
    sees: `
    < client
    HTTP/1.1 501 Not Implemented
    content-length: 15
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Not Implemented
    (closed)
    log: HTTP/1.1 501 DPE http1.invalid_transfer_encoding in=0 out=15
  `,
  })
  f.exchange('transfer-encoding gzip, chunked', {
    send: te('transfer-encoding: gzip, chunked') + '0\r\n\r\n',
    sees: `
    < client
    HTTP/1.1 501 Not Implemented
    content-length: 15
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Not Implemented
    (closed)
    log: HTTP/1.1 501 DPE http1.invalid_transfer_encoding in=0 out=15
  `,
  })
  f.exchange('transfer-encoding chunked, gzip', {
    send: te('transfer-encoding: chunked, gzip') + '0\r\n\r\n',
    sees: `
    < client
    HTTP/1.1 501 Not Implemented
    content-length: 15
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Not Implemented
    (closed)
    log: HTTP/1.1 501 DPE http1.invalid_transfer_encoding in=0 out=15
  `,
  })
  f.exchange('transfer-encoding chunked, chunked', {
    send: te('transfer-encoding: chunked, chunked') + '0\r\n\r\n',
    sees: `
    < client
    HTTP/1.1 501 Not Implemented
    content-length: 15
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Not Implemented
    (closed)
    log: HTTP/1.1 501 DPE http1.invalid_transfer_encoding in=0 out=15
  `,
  })
  f.exchange('transfer-encoding in two lines', {
    send: te('transfer-encoding: chunked', 'transfer-encoding: chunked') + '0\r\n\r\n',
    sees: `
    < client
    HTTP/1.1 501 Not Implemented
    content-length: 15
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Not Implemented
    (closed)
    log: HTTP/1.1 501 DPE http1.invalid_transfer_encoding in=0 out=15
  `,
  })
  f.exchange('transfer-encoding chunked and identity in two lines', {
    send: te('transfer-encoding: chunked', 'transfer-encoding: identity') + '0\r\n\r\n',
    sees: `
    < client
    HTTP/1.1 501 Not Implemented
    content-length: 15
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Not Implemented
    (closed)
    log: HTTP/1.1 501 DPE http1.invalid_transfer_encoding in=0 out=15
  `,
  })
  f.exchange('transfer-encoding xchunked', {
    send: te('transfer-encoding: xchunked') + '0\r\n\r\n',
    sees: `
    < client
    HTTP/1.1 501 Not Implemented
    content-length: 15
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Not Implemented
    (closed)
    log: HTTP/1.1 501 DPE http1.invalid_transfer_encoding in=0 out=15
  `,
  })
  f.exchange('transfer-encoding with a vertical tab', {
    send: te('transfer-encoding: \x0bchunked') + '0\r\n\r\n',
    sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.invalid_characters in=0 out=11
  `,
  })
  f.exchange('transfer-encoding with a trailing tab', {
    send: te('transfer-encoding: chunked\t') + '0\r\n\r\n',
    sees: `
    > up
    POST / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    transfer-encoding: chunked

    0


    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    ok
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  `,
  })
  f.exchange('an empty transfer-encoding', {
    send: te('transfer-encoding:') + '0\r\n\r\n',
    sees: `
    < client
    HTTP/1.1 501 Not Implemented
    content-length: 15
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Not Implemented
    (closed)
    log: HTTP/1.1 501 DPE http1.invalid_transfer_encoding in=0 out=15
  `,
  })
  f.exchange('transfer-encoding folded over two lines', {
    send: te('transfer-encoding:', ' chunked') + '0\r\n\r\n',
    nuncio: {
      because: 'a folded framing header is read differently by others',
      instead: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.codec_error in=0 out=11
  `,
    },
    sees: `
    > up
    POST / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    transfer-encoding: chunked

    0


    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    ok
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  `,
  })
  f.exchange('transfer-encoding with a space before the colon', {
    send: te('transfer-encoding : chunked') + '0\r\n\r\n',
    sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.codec_error in=0 out=11
  `,
  })
  f.exchange('transfer_encoding with an underscore is just a header', {
    send: te('transfer_encoding: chunked', 'content-length: 3') + 'abc',
    sees: `
    > up
    POST / HTTP/1.1
    host: a
    transfer_encoding: chunked
    content-length: 3
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    abc
    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    ok
    (open)
    log: HTTP/1.1 200 - via_upstream in=3 out=2
  `,
  })
  f.exchange('a chunk size that is no number', {
    send: te('transfer-encoding: chunked') + 'zz\r\nabc\r\n0\r\n\r\n',
    sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.codec_error in=0 out=11
  `,
  })
  f.exchange('a chunk size with 0x', {
    send: te('transfer-encoding: chunked') + '0x3\r\nabc\r\n0\r\n\r\n',
    sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.codec_error in=0 out=11
  `,
  })
  f.exchange('a negative chunk size', {
    send: te('transfer-encoding: chunked') + '-3\r\nabc\r\n0\r\n\r\n',
    sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.codec_error in=0 out=11
  `,
  })
  f.exchange('an empty chunk size', {
    send: te('transfer-encoding: chunked') + '\r\nabc\r\n0\r\n\r\n',
    sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.codec_error in=0 out=11
  `,
  })
  f.exchange('a chunk size beyond 64 bits', {
    send: te('transfer-encoding: chunked') + '10000000000000003\r\nabc\r\n0\r\n\r\n',
    sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.codec_error in=0 out=11
  `,
  })
  f.exchange('a chunk longer than its size', {
    send: te('transfer-encoding: chunked') + '3\r\nabcdef\r\n0\r\n\r\n',
    nuncio: {
      because: 'who skips the rest of a chunk and who does not disagree about where requests begin',
      instead: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.codec_error in=3 out=11
  `,
    },
    sees: `
    > up
    POST / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    transfer-encoding: chunked

    3
    abc
    0


    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    ok
    (open)
    log: HTTP/1.1 200 - via_upstream in=3 out=2
  `,
  })
  f.exchange('a chunk size with a space before the CRLF', {
    send: te('transfer-encoding: chunked') + '3 \r\nabc\r\n0\r\n\r\n',
    sees: `
    > up
    POST / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    transfer-encoding: chunked

    3
    abc
    0


    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    ok
    (open)
    log: HTTP/1.1 200 - via_upstream in=3 out=2
  `,
  })
  f.exchange('a chunk size ended by a bare LF', {
    send: te('transfer-encoding: chunked') + '3\nabc\r\n0\r\n\r\n',
    sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.codec_error in=0 out=11
  `,
  })
  f.exchange('chunk data ended by a bare LF', {
    send: te('transfer-encoding: chunked') + '3\r\nabc\n0\r\n\r\n',
    nuncio: {
      because: 'who takes a bare LF here and who does not disagree about where requests begin',
      instead: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.codec_error in=3 out=11
  `,
    },
    sees: `
    > up
    POST / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    transfer-encoding: chunked

    3
    abc
    0


    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    ok
    (open)
    log: HTTP/1.1 200 - via_upstream in=3 out=2
  `,
  })
  f.exchange('the last chunk ended by bare LFs', {
    send: te('transfer-encoding: chunked') + '3\r\nabc\r\n0\n\n',
    sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.codec_error in=3 out=11
  `,
  })
  f.exchange('a bare CR in a chunk extension', {
    send: te('transfer-encoding: chunked') + '3;a\rb\r\nabc\r\n0\r\n\r\n',
    sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.codec_error in=0 out=11
  `,
  })
  f.exchange('a bare LF in a chunk extension', {
    send: te('transfer-encoding: chunked') + '3;a\n\r\nabc\r\n0\r\n\r\n',
    log: 1,
    sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.codec_error in=0 out=11
  `,
  })
  f.exchange('a trailer line without colon', {
    send: te('transfer-encoding: chunked') + '0\r\nbad trailer\r\n\r\n',
    sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.codec_error in=0 out=11
  `,
  })
  f.exchange('content-length in a trailer', {
    send: te('transfer-encoding: chunked') + '0\r\ncontent-length: 5\r\n\r\n',
    sees: `
    > up
    POST / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    transfer-encoding: chunked

    0


    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    ok
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  `,
  })
  f.exchange('a body shorter than content-length, then the end', {
    send: te('content-length: 10') + 'abc',
    halfClose: true,
    responses: 0,
    until: 'close',
    log: 1,
    sees: `
    < client
    (closed)
    log: HTTP/1.1 0 DC downstream_remote_disconnect in=3 out=0
  `,
  })
  f.exchange('a chunked body cut off by the end', {
    send: te('transfer-encoding: chunked') + '5\r\nab',
    halfClose: true,
    responses: 0,
    until: 'close',
    log: 1,
    sees: `
    < client
    (closed)
    log: HTTP/1.1 0 DC downstream_remote_disconnect in=2 out=0
  `,
  })
  f.exchange('a head cut off by the end', {
    send: 'GET / HTTP/1.1\r\nhost: a\r\nx-',
    halfClose: true,
    responses: 0,
    until: 'close',
    log: 0,
    sees: `
    < client
    (closed)
  `,
  })
})
