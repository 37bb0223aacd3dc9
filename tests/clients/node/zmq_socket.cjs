// The socket that @jupyterlab/services talks to when there is no Jupyter server, as in VS Code: what it sends goes to
// the kernel's own ZMQ sockets, signed, and what comes from them is given to it.

const crypto = require("node:crypto");
const zmq = require("zeromq");

const DELIMITER = "<IDS|MSG>";
const NO_LIMIT = { sendHighWaterMark: 0, receiveHighWaterMark: 0 };

/** A class for `ServerConnection.makeSettings({WebSocket})`, bound to the kernel of a connection file. */
function socketClass(connection) {
  const address = (channel) => `${connection.transport}://${connection.ip}:${connection[channel + "_port"]}`;
  const signature = (frames) => {
    const hmac = crypto.createHmac("sha256", connection.key);
    frames.forEach((frame) => hmac.update(frame));
    return hmac.digest("hex");
  };

  return class ZmqSocket {
    protocol = "";
    closed = false;

    constructor() {
      const routingId = crypto.randomUUID();
      const dealer = () => new zmq.Dealer({ routingId, ...NO_LIMIT });
      this.channels = {
        iopub: new zmq.Subscriber({ receiveHighWaterMark: 0 }),
        shell: dealer(),
        control: dealer(),
        stdin: dealer(),
      };
      this.channels.iopub.subscribe();
      for (const [channel, socket] of Object.entries(this.channels)) {
        socket.connect(address(channel));
        this.receive(channel, socket);
      }
      setImmediate(() => this.onopen({ target: this }));
    }

    send(message) {
      const parts = [message.header, message.parent_header, message.metadata, message.content];
      const frames = parts.map((part) => Buffer.from(JSON.stringify(part ?? {})));
      const whole = [DELIMITER, signature(frames), ...frames, ...(message.buffers ?? [])];
      const channel = this.channels[message.channel];
      // one after the other: a ZMQ socket takes one send at a time
      this.sending = (this.sending ?? Promise.resolve()).then(() => channel.send(whole));
    }

    close() {
      this.closed = true;
      Object.values(this.channels).forEach((socket) => socket.close());
    }

    async receive(channel, socket) {
      for await (const parts of socket) {
        if (this.closed) return;
        const start = parts.findIndex((part) => part.toString() === DELIMITER);
        const frames = parts.slice(start + 2, start + 6);
        if (parts[start + 1].toString() !== signature(frames)) throw new Error("a message with a wrong signature");
        const [header, parent_header, metadata, content] = frames.map((frame) => JSON.parse(frame));
        const buffers = parts.slice(start + 6);
        this.onmessage({ data: { channel, header, parent_header, metadata, content, buffers }, target: this });
      }
    }
  };
}

module.exports = { socketClass };
