// SPDX-License-Identifier: GPL-2.0-only
/* printf formatting into a buffer: C's integer, string and pointer conversions and %ps. */
#include <xenolith/lib.h>

bool (*lib_symbol_name)(unsigned long addr, char *buf, size_t size);

struct out {
	char *buf;
	size_t size;		/* characters that fit, terminator not counted */
	size_t len;		/* characters wanted so far */
};

struct spec {
	bool left, zero, plus, space, alternate, upper;
	int width, precision;	/* precision -1: none given */
};

static void put(struct out *o, char c)
{
	if (o->len < o->size)
		o->buf[o->len] = c;
	o->len++;
}

static void pad(struct out *o, char c, int n)
{
	while (n-- > 0)
		put(o, c);
}

static void put_text(struct out *o, const char *s, size_t n, const struct spec *spec)
{
	int fill = spec->width - (int)n;

	if (!spec->left)
		pad(o, ' ', fill);
	while (n--)
		put(o, *s++);
	if (spec->left)
		pad(o, ' ', fill);
}

static void put_string(struct out *o, const char *s, const struct spec *spec)
{
	if (!s)
		s = "(null)";
	put_text(o, s, strnlen(s, spec->precision < 0 ? ~0UL : (size_t)spec->precision), spec);
}

static unsigned int to_digits(char *end, u64 v, unsigned int base, bool upper)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	unsigned int n = 0;

	for (; v; v /= base, n++)
		*--end = digits[v % base];
	return n;
}

/* sign or prefix, zeros, digits: in the order C prescribes. */
static void put_number(struct out *o, u64 v, unsigned int base, const char *prefix,
		       const struct spec *spec)
{
	char digits[24], *end = digits + sizeof(digits);
	int n = to_digits(end, v, base, spec->upper), zeros, fill;
	int lead = strlen(prefix);

	zeros = (spec->precision < 0 ? 1 : spec->precision) - n;
	if (base == 8 && spec->alternate && zeros < 1 && v)
		zeros = 1;
	if (zeros < 0)
		zeros = 0;
	fill = spec->width - lead - zeros - n;
	if (spec->zero && !spec->left && spec->precision < 0 && fill > 0) {
		zeros += fill;
		fill = 0;
	}
	if (!spec->left)
		pad(o, ' ', fill);
	while (*prefix)
		put(o, *prefix++);
	pad(o, '0', zeros);
	for (end -= n; n; n--)
		put(o, *end++);
	if (spec->left)
		pad(o, ' ', fill);
}

static void put_signed(struct out *o, s64 v, const struct spec *spec)
{
	const char *sign = v < 0 ? "-" : spec->plus ? "+" : spec->space ? " " : "";

	put_number(o, v < 0 ? -(u64)v : (u64)v, 10, sign, spec);
}

static void put_hex(struct out *o, u64 v, const struct spec *spec)
{
	put_number(o, v, 16, !spec->alternate || !v ? "" : spec->upper ? "0X" : "0x", spec);
}

static void put_pointer(struct out *o, unsigned long v, bool symbol, struct spec *spec)
{
	char name[96];

	if (symbol && lib_symbol_name && lib_symbol_name(v, name, sizeof(name))) {
		put_string(o, name, spec);
		return;
	}
	spec->precision = 16;
	put_number(o, v, 16, "", spec);
}

static const char *parse_flags(const char *f, struct spec *spec)
{
	for (;; f++) {
		switch (*f) {
		case '-': spec->left = true; break;
		case '0': spec->zero = true; break;
		case '+': spec->plus = true; break;
		case ' ': spec->space = true; break;
		case '#': spec->alternate = true; break;
		default: return f;
		}
	}
}

static const char *parse_number(const char *f, int *n)
{
	for (*n = 0; *f >= '0' && *f <= '9'; f++)
		*n = *n * 10 + *f - '0';
	return f;
}

/* Bytes of the integer argument; chars and shorts arrive as int and are cut to size later. */
static const char *parse_length(const char *f, unsigned int *bytes)
{
	*bytes = 4;
	for (;; f++) {
		if (*f == 'l' || *f == 'z' || *f == 'j' || *f == 't')
			*bytes = 8;
		else if (*f == 'h')
			*bytes /= 2;
		else
			return f;
	}
}

static u64 cut(u64 v, unsigned int bytes, bool is_signed)
{
	unsigned int drop = 64 - 8 * bytes;

	return is_signed ? (u64)((s64)(v << drop) >> drop) : v << drop >> drop;
}

/* Own type: va_list is an array, which a pointer parameter to it would hide. */
struct args {
	va_list ap;
};

static const char *convert(struct out *o, const char *f, struct args *args)
{
	struct spec spec = { .precision = -1 };
	unsigned int bytes;
	u64 v;

	f = parse_flags(f, &spec);
	if (*f == '*') {
		spec.width = va_arg(args->ap, int);
		f++;
	} else {
		f = parse_number(f, &spec.width);
	}
	if (spec.width < 0) {
		spec.left = true;
		spec.width = -spec.width;
	}
	if (*f == '.' && f[1] == '*') {
		spec.precision = va_arg(args->ap, int);
		f += 2;
	} else if (*f == '.') {
		f = parse_number(f + 1, &spec.precision);
	}
	f = parse_length(f, &bytes);
	spec.upper = *f == 'X';
	switch (*f) {
	case 'd': case 'i': case 'u': case 'o': case 'x': case 'X':
		v = bytes == 8 ? va_arg(args->ap, u64) : va_arg(args->ap, u32);
		v = cut(v, bytes, *f == 'd' || *f == 'i');
		if (*f == 'd' || *f == 'i')
			put_signed(o, v, &spec);
		else if (*f == 'u' || *f == 'o')
			put_number(o, v, *f == 'u' ? 10 : 8, "", &spec);
		else
			put_hex(o, v, &spec);
		break;
	case 'c': {
		char c = va_arg(args->ap, int);

		put_text(o, &c, 1, &spec);
		break;
	}
	case 's':
		put_string(o, va_arg(args->ap, const char *), &spec);
		break;
	case 'p':
		f += f[1] == 's';
		put_pointer(o, va_arg(args->ap, unsigned long), *f == 's', &spec);
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
