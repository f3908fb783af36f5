// SPDX-License-Identifier: GPL-2.0-only
/*
 * printf formatting into a buffer, as much of it as the hypervisor's messages use: see lib.h. What is
 * not known is printed as it stands.
 */
#include <xenolith/lib.h>

struct out {
	char *buf;
	size_t size;		/* characters that fit, terminator not counted */
	size_t len;		/* characters wanted so far */
};

struct spec {
	bool left, zero, alternate;
	int width, precision;	/* precision -1: none given */
};

static void put(struct out *o, char c)
{
	if (o->len < o->size)
		o->buf[o->len] = c;
	o->len++;
}

/* Sign or prefix, then @n characters, filled up to the width. */
static void put_field(struct out *o, const struct spec *spec, const char *prefix, const char *s, size_t n)
{
	int fill = spec->width - (int)(strlen(prefix) + n);

	for (; fill > 0 && !spec->left && !spec->zero; fill--)
		put(o, ' ');
	while (*prefix)
		put(o, *prefix++);
	for (; fill > 0 && !spec->left; fill--)
		put(o, '0');
	while (n--)
		put(o, *s++);
	for (; fill > 0; fill--)
		put(o, ' ');
}

static void put_number(struct out *o, const struct spec *spec, const char *prefix, u64 v, unsigned int base)
{
	char digits[20], *end = digits + sizeof(digits), *p = end;

	do {
		*--p = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	put_field(o, spec, prefix, p, end - p);
}

static void put_pointer(struct out *o, unsigned long v, bool symbol)
{
	static const struct spec text = { 0 }, digits = { .zero = true, .width = 16 };
	char name[96];

	if (symbol && lib_symbol_name(v, name, sizeof(name)))
		put_field(o, &text, "", name, strlen(name));
	else
		put_number(o, &digits, "", v, 16);
}

/* Own type: va_list is an array, which a pointer parameter to it would hide. */
struct args {
	va_list ap;
};

static const char *parse_number(const char *f, int *n, struct args *args)
{
	if (*f == '*') {
		*n = va_arg(args->ap, int);
		return f + 1;
	}
	for (*n = 0; *f >= '0' && *f <= '9'; f++)
		*n = *n * 10 + *f - '0';
	return f;
}

static const char *parse_spec(const char *f, struct spec *spec, struct args *args)
{
	for (;; f++) {
		if (*f == '-')
			spec->left = true;
		else if (*f == '0')
			spec->zero = true;
		else if (*f == '#')
			spec->alternate = true;
		else
			break;
	}
	f = parse_number(f, &spec->width, args);
	return *f == '.' ? parse_number(f + 1, &spec->precision, args) : f;
}

static const char *convert(struct out *o, const char *f, struct args *args)
{
	struct spec spec = { .precision = -1 };
	bool wide = false;
	const char *s;
	char c;
	s64 v;

	f = parse_spec(f, &spec, args);
	for (; *f == 'l' || *f == 'z'; f++)
		wide = true;
	switch (*f) {
	case 'd':
		v = wide ? va_arg(args->ap, s64) : va_arg(args->ap, s32);
		put_number(o, &spec, v < 0 ? "-" : "", v < 0 ? -(u64)v : (u64)v, 10);
		break;
	case 'u':
	case 'x':
		v = wide ? va_arg(args->ap, u64) : va_arg(args->ap, u32);
		put_number(o, &spec, spec.alternate && v ? "0x" : "", v, *f == 'u' ? 10 : 16);
		break;
	case 'c':
		c = va_arg(args->ap, int);
		put_field(o, &spec, "", &c, 1);
		break;
	case 's':
		s = va_arg(args->ap, const char *) ?: "(null)";
		put_field(o, &spec, "", s, strnlen(s, spec.precision < 0 ? ~0UL : (size_t)spec.precision));
		break;
	case 'p':
		f += f[1] == 's';
		put_pointer(o, va_arg(args->ap, unsigned long), *f == 's');
		break;
	case '\0':
		return f;
	default:
		put(o, *f);
	}
	return f + 1;
}

int lib_vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct out o = { buf, size ? size - 1 : 0, 0 };
	struct args args;

	va_copy(args.ap, ap);
	while (*fmt) {
		if (*fmt != '%')
			put(&o, *fmt++);
		else
			fmt = convert(&o, fmt + 1, &args);
	}
	va_end(args.ap);
	if (size)
		buf[min(o.len, o.size)] = '\0';
	return o.len;
}

int lib_snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = lib_vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}
