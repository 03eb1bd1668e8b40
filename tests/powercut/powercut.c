/*
** A disk whose power can be cut: a shim VFS for SQLite, as a loadable extension.
**
** `powercut` stands in front of the default VFS. Reads and writes go through to real files; beside them it remembers,
** for every database, rollback journal and WAL, what a sync has made durable and what has only been written since. The
** shared memory (-shm) is left out: it dies with the power. No real sync is ever made, so a cut costs no waiting.
**
** Writes, truncates, syncs and deletions are counted. When the count reaches a number chosen beforehand, the power
** fails: that operation and all after it answer SQLITE_IOERR. powercut_image() then writes what a disk may hold.
**
**   Contents.     Every write since the file's last sync is kept, dropped or torn, each for itself. Torn: only a first
**                 part, or some of its 512-byte sectors; where it made the file longer, the rest is zeros or rubbish.
**                 A truncate that was not synced has happened or not.
**   Directories.  A file made or deleted is so for certain only when its directory has been synced, as the unix VFS
**                 does with the first sync of a journal or WAL, and with a deletion if SQLite asks for it. Until then
**                 the name is in any one of the states it has had since the last sync of its directory.
**
** What was synced is never harmed, and a write harms no byte outside its own range (SQLite's "powersafe overwrite", the
** default of its unix VFS). All chance comes from the seed.
**
** SQL functions, for any connection that has loaded the extension:
**   powercut_arm(cut_at, lying_sync, seed)  forget everything; fail at operation cut_at (0: never). With lying_sync a
**                                           sync does nothing and says that all is well. The seed is for SQLite's own
**                                           random numbers, such as the salt of a WAL (0: as usual).
**   powercut_failed()                       1 after the cut
**   powercut_image(seed, directory)         switch the power off and write the image; what was done, as JSON
*/
#include <sqlite3ext.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
SQLITE_EXTENSION_INIT1

#define SECTOR 512
#define TRUNCATE (-1)

typedef struct Bytes { unsigned char *data; sqlite3_int64 size, room; } Bytes;

/* One write, or a truncate: size TRUNCATE, to `at` bytes. */
typedef struct Change { struct Change *next; sqlite3_int64 at; int size; unsigned char data[]; } Change;

/* A file, whatever names it has: what is durable, and what was asked for since, in order. */
typedef struct File { struct File *next; Bytes durable; Change *first, **end; } File;

/* A name in a directory, and each file it has stood for since that directory was synced; NULL stands for no file.
** The first state is the durable one, the last is how things look while the power is on. */
typedef struct Name { struct Name *next; char *path; int states; File **state; } Name;

/* What SQLite holds: ours first, the default VFS's own after it. */
typedef struct Handle {
  sqlite3_file base;
  int world;            /* a handle from before the last powercut_arm() is dead */
  int syncs_directory;  /* its next sync is also one of its directory */
  const char *path;     /* NULL with a temporary file, which no power cut needs to remember */
  File *file;
} Handle;

static struct {
  sqlite3_mutex *mutex;
  int world, failed, lying_sync;
  sqlite3_int64 operations, cut_at;
  Name *names;
  File *files;
} power;

static sqlite3_vfs shim, *real_vfs;

static int enter(void) { return sqlite3_mutex_enter(power.mutex), 1; }
static void leave(int *entered) { if (*entered) sqlite3_mutex_leave(power.mutex); }

/* One thread at a time, until the function returns. */
#define ALONE __attribute__((cleanup(leave))) int alone = enter()

static void *grown(void *old, size_t size) {
  void *memory = realloc(old, size ? size : 1);
  if (!memory) abort();
  return memory;
}

/* Splitmix64: small, and every seed is a good one. */
static uint64_t chance(uint64_t *seed) {
  uint64_t z = (*seed += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static int below(uint64_t *seed, int limit) { return (int)(chance(seed) % (uint64_t)limit); }

/* ---------------------------------------------------------------- what the disk holds */

static void resize(Bytes *bytes, sqlite3_int64 size) {
  if (size > bytes->room) bytes->data = grown(bytes->data, (size_t)(bytes->room = 2 * size));
  if (size > bytes->size) memset(bytes->data + bytes->size, 0, (size_t)(size - bytes->size));
  bytes->size = size;
}

static void apply(Bytes *bytes, const Change *change) {
  sqlite3_int64 end = change->at + change->size;
  if (change->size == TRUNCATE) {
    resize(bytes, change->at);
  } else {
    if (end > bytes->size) resize(bytes, end);
    memcpy(bytes->data + change->at, change->data, (size_t)change->size);
  }
}

/* Some of a write arrived. A longer file is longer at once; what stands in the new part may be anything. */
static void tear(Bytes *bytes, const Change *change, uint64_t *seed) {
  sqlite3_int64 at = change->at, end = at + change->size, fresh = bytes->size > at ? bytes->size : at;
  if (end > bytes->size) {
    resize(bytes, end);
    if (below(seed, 2)) for (; fresh < end; fresh++) bytes->data[fresh] = (unsigned char)chance(seed);
  }
  if (below(seed, 2)) {
    memcpy(bytes->data + at, change->data, (size_t)below(seed, change->size + 1));
    return;
  }
  while (at < end) {
    sqlite3_int64 stop = (at / SECTOR + 1) * SECTOR;
    if (stop > end) stop = end;
    if (below(seed, 2)) memcpy(bytes->data + at, change->data + (at - change->at), (size_t)(stop - at));
    at = stop;
  }
}

static void record(File *file, sqlite3_int64 at, const void *data, int size) {
  size_t bytes = size == TRUNCATE ? 0 : (size_t)size;
  Change *change = grown(NULL, sizeof(Change) + bytes);
  change->next = NULL, change->at = at, change->size = size;
  if (bytes) memcpy(change->data, data, bytes);
  *file->end = change, file->end = &change->next;
}

static void forget_changes(File *file) {
  for (Change *change = file->first, *next; change; change = next) next = change->next, free(change);
  file->first = NULL, file->end = &file->first;
}

static void make_durable(File *file) {
  for (Change *change = file->first; change; change = change->next) apply(&file->durable, change);
  forget_changes(file);
}

static File *new_file(void) {
  File *file = grown(NULL, sizeof(File));
  *file = (File){.next = power.files};
  file->end = &file->first;
  return power.files = file;
}

static File *now(const Name *name) { return name->state[name->states - 1]; }

static void becomes(Name *name, File *file) {
  name->state = grown(name->state, sizeof(File *) * (size_t)(name->states + 1));
  name->state[name->states++] = file;
}

/* The name as it is known, or as the disk has it: what lay there before the power came on is durable. */
static Name *name_of(const char *path) {
  Name *name = power.names;
  while (name && strcmp(name->path, path)) name = name->next;
  if (name) return name;
  name = grown(NULL, sizeof(Name));
  *name = (Name){.next = power.names, .path = strcpy(grown(NULL, strlen(path) + 1), path)};
  power.names = name;
  FILE *stream = fopen(path, "rb");
  becomes(name, stream ? new_file() : NULL);
  if (stream) {
    fseek(stream, 0, SEEK_END);
    resize(&now(name)->durable, ftell(stream));
    rewind(stream);
    size_t wanted = (size_t)now(name)->durable.size;
    if (wanted && fread(now(name)->durable.data, 1, wanted, stream) != wanted) abort();
    fclose(stream);
  }
  return name;
}

static void name_of_companion(const char *path, const char *suffix) {
  char *companion = grown(NULL, strlen(path) + strlen(suffix) + 1);
  name_of(strcat(strcpy(companion, path), suffix));
  free(companion);
}

static void sync_directory(const char *path) {
  size_t length = (size_t)(strrchr(path, '/') - path) + 1;
  for (Name *name = power.names; name; name = name->next) {
    if (strncmp(name->path, path, length) || strchr(name->path + length, '/')) continue;
    name->state[0] = now(name);
    name->states = 1;
  }
}

/* Counts an operation. False: the power fails with it, so it answers an error, though some of it may have happened. */
static int powered(void) {
  power.operations++;
  if (power.cut_at && power.operations >= power.cut_at) power.failed = 1;
  return !power.failed;
}

static void forget_everything(void) {
  for (Name *name = power.names, *next; name; name = next) {
    next = name->next;
    free(name->state), free(name->path), free(name);
  }
  for (File *file = power.files, *next; file; file = next) {
    next = file->next;
    forget_changes(file), free(file->durable.data), free(file);
  }
  power.names = NULL, power.files = NULL;
}

/* ---------------------------------------------------------------- the VFS: files */

static sqlite3_file *real_file(sqlite3_file *file) { return (sqlite3_file *)((Handle *)file + 1); }
static int is_dead(sqlite3_file *file) { return power.failed || ((Handle *)file)->world != power.world; }

#define REAL(file, method, ...) real_file(file)->pMethods->method(real_file(file), __VA_ARGS__)
#define PASS_ON(method, error, parameters, ...) \
  static int file_##method parameters { return is_dead(file) ? (error) : REAL(file, method, __VA_ARGS__); }

PASS_ON(xRead, SQLITE_IOERR_READ, (sqlite3_file *file, void *data, int size, sqlite3_int64 at), data, size, at)
PASS_ON(xFileSize, SQLITE_IOERR_FSTAT, (sqlite3_file *file, sqlite3_int64 *size), size)
PASS_ON(xLock, SQLITE_IOERR_LOCK, (sqlite3_file *file, int level), level)
PASS_ON(xCheckReservedLock, SQLITE_IOERR_LOCK, (sqlite3_file *file, int *reserved), reserved)
PASS_ON(xShmMap, SQLITE_IOERR_SHMMAP, (sqlite3_file *file, int region, int size, int extend, void volatile **memory),
        region, size, extend, memory)

/* What gives something back works without power as well, or nothing could be closed. */
static int file_xUnlock(sqlite3_file *file, int level) { return REAL(file, xUnlock, level); }
static int file_xShmLock(sqlite3_file *file, int at, int n, int flags) { return REAL(file, xShmLock, at, n, flags); }
static int file_xShmUnmap(sqlite3_file *file, int delete) { return REAL(file, xShmUnmap, delete); }
static void file_xShmBarrier(sqlite3_file *file) { real_file(file)->pMethods->xShmBarrier(real_file(file)); }
static int file_xClose(sqlite3_file *file) { return real_file(file)->pMethods->xClose(real_file(file)); }
static int file_xSectorSize(sqlite3_file *file) { return real_file(file)->pMethods->xSectorSize(real_file(file)); }

/* The one promise of the real file that an image keeps too. */
static int file_xDeviceCharacteristics(sqlite3_file *file) {
  return real_file(file)->pMethods->xDeviceCharacteristics(real_file(file)) & SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int file_xFileControl(sqlite3_file *file, int operation, void *argument) {
  /* These would change a file's size behind our back. */
  if (operation == SQLITE_FCNTL_SIZE_HINT || operation == SQLITE_FCNTL_CHUNK_SIZE) return SQLITE_NOTFOUND;
  return REAL(file, xFileControl, operation, argument);
}

/* The operation at which the power fails is remembered, too: it may have reached the disk. */
static int remembers(sqlite3_file *file, sqlite3_int64 at, const void *data, int size) {
  File *remembered = ((Handle *)file)->file;
  if (is_dead(file)) return 0;
  if (remembered) record(remembered, at, data, size);
  return !remembered || powered();
}

static int file_xWrite(sqlite3_file *file, const void *data, int size, sqlite3_int64 at) {
  ALONE;
  return remembers(file, at, data, size) ? REAL(file, xWrite, data, size, at) : SQLITE_IOERR_WRITE;
}

static int file_xTruncate(sqlite3_file *file, sqlite3_int64 size) {
  ALONE;
  return remembers(file, size, NULL, TRUNCATE) ? REAL(file, xTruncate, size) : SQLITE_IOERR_TRUNCATE;
}

static int file_xSync(sqlite3_file *file, int flags) {
  ALONE;
  Handle *handle = (Handle *)file;
  (void)flags;
  if (is_dead(file) || (handle->file && !powered())) return SQLITE_IOERR_FSYNC;
  if (power.lying_sync || !handle->file) return SQLITE_OK;
  make_durable(handle->file);
  if (handle->syncs_directory) sync_directory(handle->path);
  handle->syncs_directory = 0;
  return SQLITE_OK;
}

/* Version 2: no memory-mapped files, whose changes nobody could see. */
static const sqlite3_io_methods methods = {
  2, file_xClose, file_xRead, file_xWrite, file_xTruncate, file_xSync, file_xFileSize, file_xLock, file_xUnlock,
  file_xCheckReservedLock, file_xFileControl, file_xSectorSize, file_xDeviceCharacteristics,
  file_xShmMap, file_xShmLock, file_xShmBarrier, file_xShmUnmap, 0, 0,
};

/* ---------------------------------------------------------------- the VFS: names */

static int vfs_xOpen(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *flags_out) {
  ALONE;
  const int journals = SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL;
  Handle *handle = (Handle *)file;
  Name *name = NULL;
  (void)vfs;
  *handle = (Handle){.world = power.world};
  real_file(file)->pMethods = NULL;
  if (power.failed) return SQLITE_CANTOPEN;
  if (path && flags & (SQLITE_OPEN_MAIN_DB | journals)) {
    /* All three, so that a journal left by an earlier cut is in the image even when it was not looked at. */
    if (flags & SQLITE_OPEN_MAIN_DB) name_of_companion(path, "-wal"), name_of_companion(path, "-journal");
    name = name_of(path);
  }
  int result = real_vfs->xOpen(real_vfs, path, real_file(file), flags, flags_out);
  if (real_file(file)->pMethods) handle->base.pMethods = &methods;
  if (result || !name) return result;
  if (!now(name)) becomes(name, new_file());
  handle->path = name->path;
  handle->file = now(name);
  handle->syncs_directory = flags & SQLITE_OPEN_CREATE && flags & journals;
  return SQLITE_OK;
}

static int vfs_xDelete(sqlite3_vfs *vfs, const char *path, int sync) {
  ALONE;
  (void)vfs;
  if (power.failed) return SQLITE_IOERR_DELETE;
  Name *name = name_of(path);
  if (now(name)) becomes(name, NULL);
  if (!powered()) return SQLITE_IOERR_DELETE;
  int result = real_vfs->xDelete(real_vfs, path, sync);
  if (sync && !power.lying_sync) sync_directory(path);
  return result;
}

static int vfs_xAccess(sqlite3_vfs *vfs, const char *path, int flags, int *answer) {
  (void)vfs;
  return power.failed ? SQLITE_IOERR_ACCESS : real_vfs->xAccess(real_vfs, path, flags, answer);
}

/* ---------------------------------------------------------------- the SQL functions */

static void sql_arm(sqlite3_context *context, int n, sqlite3_value **value) {
  ALONE;
  (void)context, (void)n;
  forget_everything();
  power.world++;
  power.operations = power.failed = 0;
  power.cut_at = sqlite3_value_int64(value[0]);
  power.lying_sync = sqlite3_value_int(value[1]);
  sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, sqlite3_value_int(value[2]), (sqlite3 *)0);
}

static void sql_failed(sqlite3_context *context, int n, sqlite3_value **value) {
  (void)n, (void)value;
  sqlite3_result_int(context, power.failed);
}

enum { KEPT, DROPPED, TORN, FATES };

static Bytes after_cut(const File *file, uint64_t *seed, int *fates) {
  /* Fair coins alone would hardly ever keep all but one of many writes, or none: each file has a leaning of its own. */
  static const int percent_kept[] = {0, 10, 50, 90, 100};
  int percent = percent_kept[below(seed, 5)];
  Bytes image = {0};
  resize(&image, file->durable.size);
  if (image.size) memcpy(image.data, file->durable.data, (size_t)image.size);
  for (const Change *change = file->first; change; change = change->next) {
    int fate = below(seed, 100) < percent ? KEPT : change->size == TRUNCATE || below(seed, 2) ? DROPPED : TORN;
    if (fate == KEPT) apply(&image, change);
    if (fate == TORN) tear(&image, change, seed);
    fates[fate]++;
  }
  return image;
}

static int write_whole(const char *path, const Bytes *bytes) {
  FILE *stream = fopen(path, "wb");
  if (!stream) return 0;
  size_t written = bytes->size ? fwrite(bytes->data, 1, (size_t)bytes->size, stream) : 0;
  return !fclose(stream) && written == (size_t)bytes->size;
}

static void sql_image(sqlite3_context *context, int n, sqlite3_value **value) {
  ALONE;
  uint64_t seed = (uint64_t)sqlite3_value_int64(value[0]);
  const char *directory = (const char *)sqlite3_value_text(value[1]);
  int fates[FATES] = {0}, undone = 0, works = directory != NULL;
  (void)n;
  power.failed = 1;
  for (Name *name = power.names; works && name; name = name->next) {
    int state = below(&seed, name->states);
    undone += state < name->states - 1;
    if (!name->state[state]) continue;
    Bytes image = after_cut(name->state[state], &seed, fates);
    char *path = sqlite3_mprintf("%s%s", directory, strrchr(name->path, '/'));
    works = path && write_whole(path, &image);
    sqlite3_free(path), free(image.data);
  }
  if (!works) return sqlite3_result_error(context, "the image cannot be written", -1);
  char *report = sqlite3_mprintf(
    "{\"operations\": %lld, \"kept\": %d, \"dropped\": %d, \"torn\": %d, \"names_undone\": %d}",
    power.operations, fates[KEPT], fates[DROPPED], fates[TORN], undone);
  sqlite3_result_text(context, report, -1, sqlite3_free);
}

/* Called once by each connection that loads the extension; it stays in memory, as the VFS must. */
int sqlite3_powercut_init(sqlite3 *db, char **message, const sqlite3_api_routines *api) {
  (void)message;
  SQLITE_EXTENSION_INIT2(api);
  if (!sqlite3_vfs_find("powercut")) {
    real_vfs = sqlite3_vfs_find(NULL);
    power.mutex = sqlite3_mutex_alloc(SQLITE_MUTEX_FAST);
    /* The rest is the real one's: time, randomness, full path names. */
    shim = *real_vfs;
    shim.zName = "powercut";
    shim.szOsFile = (int)sizeof(Handle) + real_vfs->szOsFile;
    shim.xOpen = vfs_xOpen;
    shim.xDelete = vfs_xDelete;
    shim.xAccess = vfs_xAccess;
    if (sqlite3_vfs_register(&shim, 0)) return SQLITE_ERROR;
  }
  const int flags = SQLITE_UTF8 | SQLITE_DIRECTONLY;
  int failures = sqlite3_create_function(db, "powercut_arm", 3, flags, 0, sql_arm, 0, 0) |
                 sqlite3_create_function(db, "powercut_failed", 0, flags, 0, sql_failed, 0, 0) |
                 sqlite3_create_function(db, "powercut_image", 2, flags, 0, sql_image, 0, 0);
  return failures ? SQLITE_ERROR : SQLITE_OK_LOAD_PERMANENTLY;
}
