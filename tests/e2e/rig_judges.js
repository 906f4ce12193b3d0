// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Calls every operation of the npm packages mailpit-api and mailhog on a rig,
// and checks the results: node rig_judges.js NODE_MODULES SMTP_PORT HTTP_PORT.

'use strict'

const assert = require('assert').strict
const path = require('path')

const [modules, smtpPort, httpPort] = process.argv.slice(2)
const load = name => require(path.join(modules, name))
const { MailpitClient } = load('mailpit-api')
const mailhog = load('mailhog')
const nodemailer = load('nodemailer')

// Records the names of the functions of `object` that are called.
function recorded(object, names, called) {
  return new Proxy(object, {
    get(target, name) {
      const value = target[name]
      if (typeof value !== 'function') return value
      if (names.includes(name)) called.add(name)
      return value.bind(target)
    }
  })
}

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGA' +
    'WjR9awAAAABJRU5ErkJggg==',
  'base64'
)

async function send() {
  const transport = nodemailer.createTransport({
    host: '127.0.0.1',
    port: Number(smtpPort),
    secure: false,
    tls: { rejectUnauthorized: false }
  })
  await transport.sendMail({
    from: '"Shop, A" <shop@x.example>',
    to: 'You Ä <you@y.example>',
    cc: 'cc@y.example',
    bcc: 'hidden@y.example',
    replyTo: 'reply@x.example',
    subject: 'Welcome ä',
    text: 'Hello text',
    html: '<p>Hello <b>HTML</b> &amp; ä <img src="cid:dot@x"></p>',
    messageId: '<first@x.example>',
    date: new Date('2026-01-02T03:04:05Z'),
    list: { unsubscribe: 'https://x.example/leave' },
    attachments: [
      { filename: 'a.txt', content: 'attached' },
      { filename: 'dot.png', content: PNG, cid: 'dot@x' }
    ]
  })
  await transport.sendMail({
    from: 'other@x.example',
    to: 'second@y.example',
    subject: 'Second',
    text: 'just text'
  })
  return transport
}

async function refuses(promise, status) {
  await assert.rejects(promise, error => {
    assert.match(error.message, new RegExp(`API Error: ${status} `))
    return true
  })
}

async function judgeMailpit() {
  const names = Object.getOwnPropertyNames(MailpitClient.prototype).filter(
    name => !['constructor', 'request'].includes(name)
  )
  assert.ok(names.length >= 25, names)
  const called = new Set()
  const url = `http://127.0.0.1:${httpPort}`
  const client = recorded(
    new MailpitClient(url, { auth: { username: 'a', password: 'b' } }),
    names,
    called
  )
  const transport = await send()

  const list = await client.listMessages()
  assert.equal(list.total, 2)
  assert.equal(list.unread, 2)
  assert.equal(list.count, 2)
  assert.equal(list.messages_count, 2)
  assert.equal(list.messages_unread, 2)
  assert.equal(list.start, 0)
  assert.deepEqual(list.tags, [])
  assert.deepEqual(
    list.messages.map(m => m.Subject),
    ['Second', 'Welcome ä']
  )
  const item = list.messages[1]
  assert.equal(item.MessageID, 'first@x.example')
  assert.equal(item.Read, false)
  assert.deepEqual(item.From, { Name: 'Shop, A', Address: 'shop@x.example' })
  assert.deepEqual(item.To, [{ Name: 'You Ä', Address: 'you@y.example' }])
  assert.deepEqual(item.Cc, [{ Name: '', Address: 'cc@y.example' }])
  assert.deepEqual(item.Bcc, [{ Name: '', Address: 'hidden@y.example' }])
  assert.deepEqual(item.ReplyTo, [{ Name: '', Address: 'reply@x.example' }])
  assert.equal(item.Attachments, 1)
  assert.match(item.Snippet, /^Hello HTML & ä/)
  assert.ok(Math.abs(Date.parse(item.Created) - Date.now()) < 600000)
  assert.ok(item.Size > 500)
  assert.equal((await client.listMessages(1, 1)).messages[0].ID, item.ID)

  const message = await client.getMessageSummary(item.ID)
  assert.equal(message.Subject, 'Welcome ä')
  assert.equal(message.Date, '2026-01-02T03:04:05.000Z')
  assert.equal(message.ReturnPath, 'shop@x.example')
  assert.equal(message.Text.trim(), 'Hello text')
  assert.match(message.HTML, /<b>HTML<\/b>/)
  assert.equal(message.Size, item.Size)
  assert.deepEqual(message.ListUnsubscribe.Links, ['https://x.example/leave'])
  assert.equal(message.ListUnsubscribe.Errors, '')
  assert.equal(message.Attachments.length, 1)
  assert.equal(message.Attachments[0].FileName, 'a.txt')
  assert.equal(message.Attachments[0].Size, 8)
  assert.match(message.Attachments[0].Checksums.SHA256, /^[0-9a-f]{64}$/)
  assert.equal(message.Inline.length, 1)
  assert.equal(message.Inline[0].ContentID, 'dot@x')
  assert.equal(message.Inline[0].ContentType, 'image/png')
  assert.equal((await client.getMessageSummary()).Subject, 'Second')

  const headers = await client.getMessageHeaders(item.ID)
  assert.deepEqual(headers.Subject, ['Welcome ä'])
  assert.deepEqual(headers['Message-Id'], ['<first@x.example>'])
  const source = await client.getMessageSource(item.ID)
  assert.match(source, /^Message-ID: <first@x\.example>\r\n/m)
  assert.equal(source.length, item.Size)

  const text = await client.getMessageAttachment(
    item.ID,
    message.Attachments[0].PartID
  )
  assert.equal(await text.text(), 'attached')
  assert.equal(text.type, 'text/plain')
  const image = await client.getMessageAttachment(
    item.ID,
    message.Inline[0].PartID
  )
  assert.deepEqual(Buffer.from(await image.arrayBuffer()), PNG)
  assert.match(await client.renderMessageHTML(item.ID), /<b>HTML<\/b>/)
  await refuses(client.renderMessageHTML('latest'), 404)
  assert.equal((await client.renderMessageText()).trim(), 'just text')
  await refuses(client.getMessageSummary('77'), 404)

  // What a rig does not do, it says.
  await refuses(
    client.getAttachmentThumbnail(item.ID, message.Inline[0].PartID),
    501
  )
  await refuses(client.releaseMessage(item.ID, ['a@x.example']), 501)
  await refuses(client.htmlCheck(), 501)
  await refuses(client.linkCheck(), 501)
  await refuses(client.spamAssassinCheck(), 501)

  // The first message has been read.
  assert.equal((await client.listMessages()).unread, 0)
  assert.equal(
    await client.setReadStatus({ IDs: [item.ID], Read: false }),
    'ok'
  )
  const found = async query =>
    (await client.searchMessages({ query })).messages.map(m => m.Subject)
  assert.deepEqual(await found('is:unread'), ['Welcome ä'])
  assert.deepEqual(await found('is:read'), ['Second'])
  await client.setReadStatus({ Search: 'from:shop', Read: true })
  assert.deepEqual(await found('is:unread'), [])
  await client.setReadStatus()
  assert.equal((await client.listMessages()).unread, 2)
  assert.deepEqual(await found('from:shop'), ['Welcome ä'])
  assert.deepEqual(await found('to:second'), ['Second'])
  assert.deepEqual(await found('!from:shop'), ['Second'])
  assert.deepEqual(await found('-from:shop'), ['Second'])
  assert.deepEqual(await found('subject:"WELCOME Ä"'), ['Welcome ä'])
  assert.deepEqual(await found('message-id:first@x'), ['Welcome ä'])
  assert.deepEqual(await found('has:attachment'), ['Welcome ä'])
  assert.deepEqual(await found('addressed:hidden'), ['Welcome ä'])
  assert.deepEqual(await found('"just text"'), ['Second'])
  assert.deepEqual(await found('before:2020-01-01'), [])
  assert.equal((await found('after:2020-01-01')).length, 2)
  assert.equal(
    (
      await client.searchMessages({
        query: 'after:2020-01-01',
        start: 1,
        limit: 1,
        tz: 'Pacific/Auckland'
      })
    ).messages[0].Subject,
    'Welcome ä'
  )
  await refuses(client.searchMessages({ query: 'before:soon' }), 400)

  assert.equal(
    await client.setTags({ IDs: [item.ID], Tags: ['One', 'two!'] }),
    'ok'
  )
  assert.deepEqual(await client.getTags(), ['One', 'two'])
  assert.deepEqual(await found('tag:one'), ['Welcome ä'])
  assert.equal(await client.renameTag('two', 'Zwei 2'), 'ok')
  assert.deepEqual(await client.getTags(), ['One', 'Zwei 2'])
  assert.equal(await client.deleteTag('Zwei 2'), 'ok')
  assert.deepEqual((await client.getMessageSummary(item.ID)).Tags, ['One'])

  const { ID } = await client.sendMessage({
    From: { Email: 'api@x.example', Name: 'Ä P I' },
    To: [{ Email: 'rec@y.example', Name: 'Rec' }],
    Cc: [{ Email: 'cc@y.example' }],
    Bcc: ['bcc@y.example'],
    ReplyTo: [{ Email: 'reply@x.example' }],
    Subject: 'Sent ü',
    Text: 'text body',
    HTML: '<i>html</i>',
    Headers: { 'X-Thing': 'value' },
    Tags: ['sent'],
    Attachments: [
      { Content: Buffer.from('abc').toString('base64'), Filename: 'ü.txt' },
      {
        Content: PNG.toString('base64'),
        Filename: 'p.png',
        ContentType: 'image/png',
        ContentID: 'p@x'
      }
    ]
  })
  const sent = await client.getMessageSummary(ID)
  assert.deepEqual(sent.From, { Name: 'Ä P I', Address: 'api@x.example' })
  assert.deepEqual(sent.To, [{ Name: 'Rec', Address: 'rec@y.example' }])
  assert.deepEqual(
    sent.Bcc.map(a => a.Address),
    ['bcc@y.example']
  )
  assert.equal(sent.Subject, 'Sent ü')
  assert.equal(sent.Text, 'text body')
  assert.equal(sent.HTML, '<i>html</i>')
  assert.deepEqual(sent.Tags, ['sent'])
  assert.deepEqual(
    sent.Attachments.map(a => [a.FileName, a.Size]),
    [['ü.txt', 3]]
  )
  assert.equal(sent.Inline[0].ContentID, 'p@x')
  assert.deepEqual((await client.getMessageHeaders(ID))['X-Thing'], ['value'])
  await refuses(
    client.sendMessage({ From: { Email: 'a@x.example' }, To: [] }),
    400
  )

  assert.equal(
    (await client.waitForMessage({ query: 'subject:sent' })).ID,
    ID
  )
  assert.equal((await client.waitForMessages({ count: 3 })).messages_count, 3)

  const info = await client.getInfo()
  assert.equal(info.Messages, 3)
  assert.match(info.Version, /^postern-/)
  assert.equal(info.Tags.sent, 1)
  assert.equal(info.RuntimeStats.SMTPAccepted, 3)
  const configuration = await client.getConfiguration()
  assert.equal(configuration.ChaosEnabled, true)
  assert.equal(configuration.MessageRelay.Enabled, false)

  const none = { ErrorCode: 451, Probability: 0 }
  assert.deepEqual(await client.getChaosTriggers(), {
    Sender: none,
    Recipient: none,
    Authentication: { ErrorCode: 535, Probability: 0 }
  })
  const chaos = await client.setChaosTriggers({
    Sender: { ErrorCode: 452, Probability: 100 }
  })
  assert.deepEqual(chaos.Sender, { ErrorCode: 452, Probability: 100 })
  await assert.rejects(
    transport.sendMail({ from: 'a@x.example', to: 'b@y.example', text: 'x' }),
    error => error.responseCode === 452
  )
  assert.deepEqual((await client.setChaosTriggers()).Sender, none)
  await transport.sendMail({
    from: 'a@x.example',
    to: 'b@y.example',
    text: 'x'
  })

  assert.equal(await client.deleteMessages({ IDs: [ID] }), 'ok')
  assert.equal((await client.listMessages()).total, 3)
  assert.equal(
    await client.deleteMessagesBySearch({ query: 'from:other' }),
    'ok'
  )
  assert.equal((await client.listMessages()).total, 2)
  assert.equal(await client.deleteMessages(), 'ok')
  assert.equal((await client.listMessages()).total, 0)
  await refuses(client.getMessageSummary(), 404)

  assert.deepEqual(
    names.filter(name => !called.has(name)),
    []
  )
}

async function judgeMailHog(basePath) {
  const names = Object.keys(mailhog()).filter(
    name => typeof mailhog()[name] === 'function'
  )
  const called = new Set()
  const client = recorded(
    mailhog({ host: '127.0.0.1', port: Number(httpPort), basePath }),
    names,
    called
  )
  const transport = await send()

  const result = await client.messages()
  assert.equal(result.total, 2)
  assert.equal(result.count, 2)
  assert.equal(result.start, 0)
  assert.equal(result.items[0].subject, 'Second')
  const item = result.items[1]
  // This client does not know that '_' is a blank in an encoded word.
  assert.equal(item.subject, 'Welcome_ä')
  assert.equal(item.from, '"Shop, A" <shop@x.example>')
  assert.match(item.to, /^You.Ä <you@y\.example>$/)
  assert.equal(item.cc, 'cc@y.example')
  assert.equal(item.replyTo, 'reply@x.example')
  assert.equal(item.date.toISOString(), '2026-01-02T03:04:05.000Z')
  assert.ok(Math.abs(item.deliveryDate - Date.now()) < 600000)
  assert.equal(item.attachments.length, 1)
  assert.equal(item.attachments[0].name, 'a.txt')
  assert.equal(
    client.decode(item.attachments[0].Body, item.attachments[0].encoding),
    'attached'
  )
  assert.equal(client.encode('ä', 'base64'), 'w6Q=')
  assert.equal(item.Raw.From, 'shop@x.example')
  assert.deepEqual(
    item.Raw.To.slice().sort(),
    ['cc@y.example', 'hidden@y.example', 'you@y.example']
  )
  assert.match(item.Raw.Data, /^Subject: =\?UTF-8\?Q\?Welcome/m)
  assert.deepEqual(item.From, {
    Relays: null,
    Mailbox: 'shop',
    Domain: 'x.example',
    Params: ''
  })
  assert.deepEqual(item.Content.Headers['Return-Path'], ['<shop@x.example>'])
  assert.equal(result.items[0].text.trim(), 'just text')
  assert.equal((await client.messages(1, 1)).items[0].ID, item.ID)

  assert.equal((await client.search('shop@x', 'from')).total, 1)
  assert.equal((await client.search('HIDDEN@y', 'to')).total, 1)
  assert.equal((await client.search('just text')).items[0].subject, 'Second')
  assert.equal((await client.search('nothing of it')).count, 0)
  assert.equal((await client.latestFrom('x.example')).subject, 'Second')
  assert.equal((await client.latestTo('you@y.example')).ID, item.ID)
  assert.equal((await client.latestContaining('welcome')).ID, item.ID)

  // The client resolves with the text only if it is JSON.
  await assert.rejects(client.releaseMessage(item.ID, { host: 'x', port: 1 }))
  assert.equal((await client.deleteMessage(item.ID)).statusCode, 200)
  assert.equal((await client.deleteMessage(item.ID)).statusCode, 404)
  assert.equal((await client.messages()).total, 1)
  assert.equal((await client.deleteAll()).statusCode, 200)
  assert.equal((await client.messages()).total, 0)
  assert.equal(await client.latestTo('you@y.example'), 0)
  transport.close()

  assert.deepEqual(
    names.filter(name => !called.has(name)),
    []
  )
}

async function main() {
  await judgeMailpit()
  await judgeMailHog('/api')
  await judgeMailHog('/mailhog/api')
  console.log('every operation was called')
}

main().catch(error => {
  console.error(error)
  process.exitCode = 1
})
