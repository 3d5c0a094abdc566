/* What the machine could do: C-STORE data sets from the socket into a file, and nothing else.
 *
 * bound PORT FOLDER SYNC ACCEPT RESPONSE AT
 * ACCEPT and RESPONSE are files with the units to answer; the message id of the request is written
 * at byte AT of RESPONSE.  SYNC is 1 for an fdatasync of each file before the response.  One context,
 * one presentation data value a unit, a process an association; no check of anything.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROOM = 1 << 20, COMMAND = 1, LAST = 2 };

static unsigned char in[ROOM], accepted[65536], response[65536];
static size_t start, end, accepted_length, response_length, id_at;
static int line;

static size_t slurp(const char *path, unsigned char *into) {
  int file = open(path, O_RDONLY);
  ssize_t count = read(file, into, 65536);
  if (file < 0 || count <= 0) exit(1);
  close(file);
  return (size_t)count;
}

static void more(void) {
  if (start == end) start = end = 0;
  if (end == ROOM) {
    memmove(in, in + start, end - start);
    end -= start;
    start = 0;
  }
  ssize_t count = recv(line, in + end, ROOM - end, 0);
  if (count <= 0) exit(0);
  end += (size_t)count;
}

static unsigned char *need(size_t count) {
  if (start + count > ROOM) {
    memmove(in, in + start, end - start);
    end -= start;
    start = 0;
  }
  while (end - start < count) more();
  return in + start;
}

static unsigned long number(const unsigned char *at) {
  return (unsigned long)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3];
}

static void say(const void *data, size_t length) {
  if (send(line, data, length, 0) != (ssize_t)length) exit(1);
}

static void take_message_id(const unsigned char *command, size_t length) {
  for (size_t at = 0; at + 8 <= length;) {
    size_t size = command[at + 4] | command[at + 5] << 8 | command[at + 6] << 16;
    if (command[at + 2] == 0x10 && command[at + 3] == 0x01) memcpy(response + id_at, command + at + 8, 2);
    at += 8 + size;
  }
}

static void serve(const char *folder, int sync) {
  char path[4096];
  int file = -1, serial = 0;
  for (;;) {
    unsigned char *head = need(6);
    unsigned long length = number(head + 2);
    if (head[0] == 1) {
      need(6 + length);
      start += 6 + length;
      say(accepted, accepted_length);
    } else if (head[0] == 4) {
      head = need(12);
      size_t left = number(head + 6) - 2;
      int control = head[11];
      start += 12;
      if (control & COMMAND) {
        take_message_id(need(left), left);
        start += left;
        snprintf(path, sizeof path, "%s/%d-%d", folder, getpid(), serial++);
        file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        continue;
      }
      while (left) {
        if (start == end) more();
        size_t count = end - start < left ? end - start : left;
        if (write(file, in + start, count) != (ssize_t)count) exit(1);
        start += count;
        left -= count;
      }
      if (control & LAST) {
        if (sync && fdatasync(file)) exit(1);
        close(file);
        say(response, response_length);
      }
    } else {
      static const unsigned char released[10] = {6, 0, 0, 0, 0, 4};
      say(released, sizeof released);
      exit(0);
    }
  }
}

int main(int count, char **argument) {
  if (count != 7) return 2;
  int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argument[1]))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  accepted_length = slurp(argument[4], accepted);
  response_length = slurp(argument[5], response);
  id_at = (size_t)atoi(argument[6]);
  signal(SIGCHLD, SIG_IGN);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 128)) return 1;
  for (;;) {
    line = accept(listener, NULL, NULL);
    if (line < 0) continue;
    setsockopt(line, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (fork() == 0) {
      close(listener);
      serve(argument[2], atoi(argument[3]));
    }
    close(line);
  }
}
