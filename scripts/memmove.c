/* What scripts/dist links in place of musl's memmove on x86-64. That one copies byte by byte, backwards, whenever the bytes
 * move up or stay where they are. rustls asks for the latter each time that it has read a part of a record: a fifth of the
 * CPU time of a copy over TLS. */
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size);

void *__wrap_memmove(void *to, const void *from, size_t size)
{
	char *out = to;
	const char *in = from;

	if (out == in)
		return to;
	/* Forwards, as musl's memcpy goes, unless that would overwrite bytes before they are read. */
	if ((uintptr_t)out - (uintptr_t)in >= size)
		return memcpy(to, from, size);
	for (; size >= sizeof(uint64_t); size -= sizeof(uint64_t)) {
		uint64_t word;
		__builtin_memcpy(&word, in + size - sizeof(word), sizeof(word));
		__builtin_memcpy(out + size - sizeof(word), &word, sizeof(word));
	}
	while (size--)
		out[size] = in[size];
	return to;
}
