// Runs one action with an unmodified SMB client from npm.
//
// usage: node_client.js CLIENT list
//        node_client.js CLIENT put FOLDER REMOTE     copies a local tree to the share
//        node_client.js CLIENT get REMOTE FOLDER     copies a tree of the share
//        node_client.js CLIENT rename OLD NEW
//        node_client.js CLIENT rename-from-root OLD NEW   sends NEW with a leading backslash
//        node_client.js CLIENT delete REMOTE         deletes a file or a folder with its contents
//
// CLIENT is v9u-smb2 or @awo00/smb2, found through NODE_PATH. Reads the environment variables
// CLIENT_PORT, CLIENT_SHARE, CLIENT_USER, CLIENT_PASSWORD and CLIENT_DOMAIN. Paths on the share have
// slashes. Exits with status 0 only if the action succeeded.
'use strict';

const fs = require('fs');
const path = require('path');

const environment = process.env;
const port = Number(environment.CLIENT_PORT);
const share = environment.CLIENT_SHARE;
const username = environment.CLIENT_USER;
const password = environment.CLIENT_PASSWORD;
const domain = environment.CLIENT_DOMAIN || '';

const backslashes = (remote) => remote.replace(/\//g, '\\');

class V9uClient {
  async connect() {
    const SMB2 = require('v9u-smb2');
    // Disables the client's timeout for idle connections.
    this.smb = new SMB2({
      share: `\\\\127.0.0.1\\${share}`, port, domain, username, password, autoCloseTimeout: 0,
    });
  }

  // The client never closes a folder that it has listed, and the server deletes a folder only when its
  // opens are closed. Disconnecting closes them.
  async closeFolders() {
    const closed = new Promise((resolve) => this.smb.socket.once('close', resolve));
    this.smb.disconnect();
    await closed;
    await this.connect();
  }

  async list(folder) {
    const entries = await this.smb.readdir(backslashes(folder), {stats: true});
    return entries.map((entry) => ({name: entry.name, isFolder: entry.isDirectory()}));
  }

  makeFolder(remote) { return this.smb.mkdir(backslashes(remote)); }
  write(remote, content) { return this.smb.writeFile(backslashes(remote), content); }
  read(remote) { return this.smb.readFile(backslashes(remote)); }
  rename(from, to) { return this.smb.rename(backslashes(from), to); }
  deleteFile(remote) { return this.smb.unlink(backslashes(remote)); }
  deleteFolder(remote) { return this.smb.rmdir(backslashes(remote)); }
  async end() { this.smb.disconnect(); }
}

class Awo00Client {
  async connect() {
    const {Client} = require('@awo00/smb2').default;
    this.client = new Client('127.0.0.1', {port});
    const session = await this.client.authenticate({domain, username, password});
    this.tree = await session.connectTree(share);
  }

  // The client returns names as "./name".
  async list(folder) {
    const entries = await this.tree.readDirectory(folder);
    return entries
      .map((entry) => ({name: entry.filename.replace(/^\.\//, ''), isFolder: entry.type === 'Directory'}))
      .filter((entry) => entry.name !== '.' && entry.name !== '..');
  }

  async closeFolders() {}
  makeFolder(remote) { return this.tree.createDirectory(remote); }
  write(remote, content) { return this.tree.createFile(remote, content); }
  read(remote) { return this.tree.readFile(remote); }
  async rename(from, to) {
    const isFolder = (await entryOf(this, from)).isFolder;
    await (isFolder ? this.tree.renameDirectory(from, to) : this.tree.renameFile(from, to));
  }
  deleteFile(remote) { return this.tree.removeFile(remote); }
  deleteFolder(remote) { return this.tree.removeDirectory(remote); }
  end() { return this.client.close(); }
}

async function entryOf(client, remote) {
  const entries = await client.list(path.posix.dirname(remote).replace(/^\.$/, ''));
  const entry = entries.find((one) => one.name === path.posix.basename(remote));
  if (!entry) throw new Error(`the listing lacks ${remote}`);
  return entry;
}

async function put(client, folder, remote) {
  await client.makeFolder(remote);
  for (const item of fs.readdirSync(folder, {withFileTypes: true})) {
    const from = path.join(folder, item.name);
    const to = `${remote}/${item.name}`;
    if (item.isDirectory()) await put(client, from, to);
    else await client.write(to, fs.readFileSync(from));
  }
}

async function get(client, remote, folder) {
  fs.mkdirSync(folder);
  for (const {name, isFolder} of await client.list(remote)) {
    const to = path.join(folder, name);
    if (isFolder) await get(client, `${remote}/${name}`, to);
    else fs.writeFileSync(to, await client.read(`${remote}/${name}`));
  }
}

// Returns the entries of a tree, with the contents of each folder before the folder.
async function entriesOf(client, remote) {
  const found = [];
  for (const {name, isFolder} of await client.list(remote)) {
    if (isFolder) found.push(...await entriesOf(client, `${remote}/${name}`));
    found.push({path: `${remote}/${name}`, isFolder});
  }
  return found;
}

async function deleteTree(client, remote) {
  const entries = await entriesOf(client, remote);
  await client.closeFolders();
  for (const entry of entries)
    await (entry.isFolder ? client.deleteFolder(entry.path) : client.deleteFile(entry.path));
  await client.deleteFolder(remote);
}

const actions = {
  list: async (client) => {
    for (const {name, isFolder} of await client.list('')) console.log(name + (isFolder ? '/' : ''));
  },
  put,
  get,
  rename: (client, from, to) => client.rename(from, backslashes(to)),
  'rename-from-root': (client, from, to) => client.rename(from, '\\' + backslashes(to)),
  delete: async (client, remote) => {
    if ((await entryOf(client, remote)).isFolder) await deleteTree(client, remote);
    else await client.deleteFile(remote);
  },
};

// v9u-smb2 rejects with an Error that has a code, @awo00/smb2 with the server's response.
function describe(error) {
  if (error && error.header && typeof error.header.status === 'number')
    return `status 0x${(error.header.status >>> 0).toString(16)}`;
  return error && error.code ? `${error.code}: ${error.message}` : error;
}

async function main([name, action, ...rest]) {
  const client = name === 'v9u-smb2' ? new V9uClient() : new Awo00Client();
  await client.connect();
  await actions[action](client, ...rest);
  await client.end();
}

// If the promise is never settled, the process exits; that must not look like success.
process.exitCode = 1;
main(process.argv.slice(2)).then(
  () => process.exit(0),
  (error) => {
    console.error(describe(error));
    process.exit(1);
  });
