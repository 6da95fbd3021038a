// A program in JavaScript that uses a studio by HTTP: it uploads a song, follows the task, and prints what is in it.
import { readFile } from "node:fs/promises";

const [address, song] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${process.env.KEY}` };

async function call(path, options = {}) {
  const answer = await fetch(`${address}/api/v1${path}`, { ...options, headers: { ...headers, ...options.headers } });
  const found = await answer.json();
  if (!answer.ok) throw new Error(`${found.detail} ${found.hint}`);
  return found;
}

async function* events(path) {
  const answer = await fetch(`${address}/api/v1${path}`, { headers });
  let text = "";
  for await (const part of answer.body.pipeThrough(new TextDecoderStream())) {
    const messages = (text + part).split("\n\n");
    text = messages.pop();
    for (const message of messages) {
      const data = message.split("\n").find((line) => line.startsWith("data:"));
      if (data) yield JSON.parse(data.slice(5));
    }
  }
}

const uploaded = await call("/uploads?name=song.mp3", { method: "POST", body: await readFile(song) });
const json = { "Content-Type": "application/json" };
const task = await call("/audio/probe", { method: "POST", headers: json, body: JSON.stringify({ source: uploaded.id }) });
for await (const event of events(`/tasks/${task.id}/events`)) console.error(event.type);
const { result } = await call(`/tasks/${task.id}`);
console.log(`${result.contents.duration} s, ${result.contents.audio[0].channels} channels`);
