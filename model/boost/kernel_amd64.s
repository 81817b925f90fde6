//go:build !purego

#include "textflag.h"

// A value's bin is how many of 256 ascending numbers are below it: how many of
// the 16 pivots, then how many of the 16 numbers up to the next pivot. The last
// number is +Inf, so that there is a next one. The comparison is GT_OQ, false for
// NaN.

// SI values, DI grid, R8 out, Z4 and Z5 pivots. The bin of value I.
#define BIN512(I) \
	VBROADCASTSD (8*I)(SI), Z0                \
	VCMPPD       $0x1e, Z4, Z0, K1            \
	VCMPPD       $0x1e, Z5, Z0, K2            \
	KUNPCKBW     K1, K2, K1                   \
	KMOVW        K1, AX                       \
	POPCNTL      AX, AX                       \
	MOVL         AX, BX                       \
	SHLL         $7, BX                       \
	VCMPPD       $0x1e, (DI)(BX*1), Z0, K1    \
	VCMPPD       $0x1e, 64(DI)(BX*1), Z0, K2  \
	KUNPCKBW     K1, K2, K1                   \
	KMOVW        K1, BX                       \
	POPCNTL      BX, BX                       \
	SHLL         $4, AX                       \
	ADDL         BX, AX                       \
	MOVB         AX, I(R8)

// func binsAVX512(values *float64, n int, grid *[256]float64, pivots *[16]float64, missing uint8, out *uint8)
TEXT ·binsAVX512(SB), NOSPLIT, $0-48
	MOVQ    values+0(FP), SI
	MOVQ    n+8(FP), CX
	MOVQ    grid+16(FP), DI
	MOVQ    pivots+24(FP), DX
	MOVBLZX missing+32(FP), R9
	MOVQ    out+40(FP), R8
	VMOVUPD (DX), Z4
	VMOVUPD 64(DX), Z5
	VPBROADCASTB R9, Z7

bins512:
	BIN512(0)
	BIN512(1)
	BIN512(2)
	BIN512(3)
	BIN512(4)
	BIN512(5)
	BIN512(6)
	BIN512(7)
	VMOVUPD  (SI), Z0
	VCMPPD   $3, Z0, Z0, K1 // UNORD: NaN
	KORTESTB K1, K1
	JZ       next512
	VMOVDQU8 Z7, K1, (R8)

next512:
	ADDQ $64, SI
	ADDQ $8, R8
	SUBQ $8, CX
	JNZ  bins512
	VZEROUPPER
	RET

// How many of the 16 numbers in A, B, C, D are below the value in Y0, into R.
// Each number leaves two bytes of the packed masks.
#define COUNT256(A, B, C, D, R) \
	VCMPPD     $0x1e, A, Y0, Y8  \
	VCMPPD     $0x1e, B, Y0, Y9  \
	VCMPPD     $0x1e, C, Y0, Y10 \
	VCMPPD     $0x1e, D, Y0, Y11 \
	VPACKSSDW  Y9, Y8, Y8        \
	VPACKSSDW  Y11, Y10, Y10     \
	VPACKSSWB  Y10, Y8, Y8       \
	VPMOVMSKB  Y8, R             \
	POPCNTL    R, R              \
	SHRL       $1, R

// func binsAVX2(values *float64, n int, grid *[256]float64, pivots *[16]float64, missing uint8, out *uint8)
TEXT ·binsAVX2(SB), NOSPLIT, $0-48
	MOVQ    values+0(FP), SI
	MOVQ    n+8(FP), CX
	MOVQ    grid+16(FP), DI
	MOVQ    pivots+24(FP), DX
	MOVBLZX missing+32(FP), R9
	MOVQ    out+40(FP), R8
	VMOVUPD (DX), Y4
	VMOVUPD 32(DX), Y5
	VMOVUPD 64(DX), Y6
	VMOVUPD 96(DX), Y7

bins256:
	VBROADCASTSD (SI), Y0
	COUNT256(Y4, Y5, Y6, Y7, AX)
	MOVL AX, BX
	SHLL $7, BX
	COUNT256((DI)(BX*1), 32(DI)(BX*1), 64(DI)(BX*1), 96(DI)(BX*1), BX)
	SHLL     $4, AX
	ADDL     BX, AX
	VUCOMISD X0, X0
	CMOVLPS  R9, AX // parity: NaN
	MOVB     AX, (R8)
	ADDQ     $8, SI
	INCQ     R8
	DECQ     CX
	JNZ      bins256
	VZEROUPPER
	RET

// Two words of X to where R12 points.
#define WORDS2(X)                      \
	MOVLPS X, (R12);               \
	MOVHPS X, (R12)(R13*1);        \
	LEAQ   (R12)(R13*2), R12

// Eight rows: their bytes of columns 0 and 1 by turns in A, of 2 and 3 in B, of 4 and
// 5 in C, of 6 and 7 in D. Pairs become fours, and fours words.
#define WORDS8(A, B, C, D)             \
	MOVO      A, X12;              \
	PUNPCKLWL B, X12;              \
	PUNPCKHWL B, A;                \
	MOVO      C, X13;              \
	PUNPCKLWL D, X13;              \
	PUNPCKHWL D, C;                \
	MOVO      X12, X14;            \
	PUNPCKLLQ X13, X14;            \
	PUNPCKHLQ X13, X12;            \
	MOVO      A, X15;              \
	PUNPCKLLQ C, X15;              \
	PUNPCKHLQ C, A;                \
	WORDS2(X14);                   \
	WORDS2(X12);                   \
	WORDS2(X15);                   \
	WORDS2(A)

// func interleaveSSE2(columns *[8]*uint8, n int, words *uint64, stride int)
TEXT ·interleaveSSE2(SB), NOSPLIT, $0-32
	MOVQ columns+0(FP), R9
	MOVQ n+8(FP), R11
	MOVQ words+16(FP), R12
	MOVQ stride+24(FP), R13
	MOVQ 0(R9), AX
	MOVQ 8(R9), BX
	MOVQ 16(R9), CX
	MOVQ 24(R9), DX
	MOVQ 32(R9), SI
	MOVQ 40(R9), DI
	MOVQ 48(R9), R8
	MOVQ 56(R9), R9
	XORL R10, R10

interleave:
	MOVOU     (AX)(R10*1), X0
	MOVOU     (BX)(R10*1), X1
	MOVOU     (CX)(R10*1), X2
	MOVOU     (DX)(R10*1), X3
	MOVOU     (SI)(R10*1), X4
	MOVOU     (DI)(R10*1), X5
	MOVOU     (R8)(R10*1), X6
	MOVOU     (R9)(R10*1), X7
	MOVO      X0, X8
	MOVO      X2, X9
	MOVO      X4, X10
	MOVO      X6, X11
	PUNPCKLBW X1, X8
	PUNPCKLBW X3, X9
	PUNPCKLBW X5, X10
	PUNPCKLBW X7, X11
	PUNPCKHBW X1, X0
	PUNPCKHBW X3, X2
	PUNPCKHBW X5, X4
	PUNPCKHBW X7, X6
	WORDS8(X8, X9, X10, X11)
	WORDS8(X0, X2, X4, X6)
	ADDQ      $16, R10
	CMPQ      R10, R11
	JLT       interleave
	RET

// One row: R8 points at it; DI is the block, SI the words, DX the stride. R15 is
// where its word lies, and AX what it adds, put together as addend (pack.go) does.
#define ROW                                     \
	MOVQ    (R8), AX;                       \
	MOVL    AX, R15;                        \
	IMULQ   DX, R15;                        \
	MOVQ    AX, CX;                         \
	SARQ    $48, CX;                        \
	SHLQ    $38, CX;                        \
	SHRQ    $19, AX;                        \
	ANDL    $0x1fffe000, AX;                \
	LEAQ    1(AX)(CX*1), AX;                \
	ADDQ    $8, R8

// The eight bins of the word WORD bytes behind the first go to the block OFF bytes
// behind the first. (BH goes with old registers only.)
#define BLOCK(WORD, OFF)                        \
	MOVQ    WORD(SI)(R15*1), BX;            \
	MOVBLZX BL, CX;                         \
	ADDQ    AX, (OFF+0)(DI)(CX*8);          \
	MOVBLZX BH, CX;                         \
	ADDQ    AX, (OFF+2048)(DI)(CX*8);       \
	SHRQ    $16, BX;                        \
	MOVBLZX BL, CX;                         \
	ADDQ    AX, (OFF+4096)(DI)(CX*8);       \
	MOVBLZX BH, CX;                         \
	ADDQ    AX, (OFF+6144)(DI)(CX*8);       \
	SHRQ    $16, BX;                        \
	MOVBLZX BL, CX;                         \
	ADDQ    AX, (OFF+8192)(DI)(CX*8);       \
	MOVBLZX BH, CX;                         \
	ADDQ    AX, (OFF+10240)(DI)(CX*8);      \
	SHRQ    $16, BX;                        \
	MOVBLZX BL, CX;                         \
	ADDQ    AX, (OFF+12288)(DI)(CX*8);      \
	MOVBLZX BH, CX;                         \
	ADDQ    AX, (OFF+14336)(DI)(CX*8)

#define ROW1 ROW; BLOCK(0, 0)

#define ROW2 ROW; BLOCK(0, 0); BLOCK(8, 16384)

// The rows, BODY each. Where some are to be fetched ahead, one is before every
// n ÷ aheads rows, and R9 is what then remains.
#define ROWS(BODY, FETCH, BETWEEN, REST, DONE)  \
	TESTQ R11, R11;                         \
	JZ    REST;                             \
	MOVQ  R9, AX;                           \
	MOVQ  DX, R15;                          \
	XORL  DX, DX;                           \
	DIVQ  R11;                              \
	MOVQ  DX, R9;                           \
	MOVQ  R15, DX;                          \
	MOVQ  AX, every-8(SP);                  \
FETCH:                                          \
	MOVL  (R10), AX;                        \
	IMULQ DX, AX;                           \
	PREFETCHT0 (R12)(AX*1);                 \
	ADDQ  R13, AX;                          \
	PREFETCHT0 (R12)(AX*1);                 \
	ADDQ  $8, R10;                          \
	MOVQ  every-8(SP), R14;                 \
BETWEEN:                                        \
	BODY;                                   \
	DECQ  R14;                              \
	JNZ   BETWEEN;                          \
	DECQ  R11;                              \
	JNZ   FETCH;                            \
	TESTQ R9, R9;                           \
	JZ    DONE;                             \
REST:                                           \
	BODY;                                   \
	DECQ  R9;                               \
	JNZ   REST;                             \
DONE:                                           \
	RET

// func sumRows(h *packedBlock, words *uint64, stride int, rows *uint64, n int, ahead *uint64, aheads int, first *uint64, last int)
TEXT ·sumRows(SB), NOSPLIT, $8-72
	MOVQ  h+0(FP), DI
	MOVQ  words+8(FP), SI
	MOVQ  stride+16(FP), DX
	MOVQ  rows+24(FP), R8
	MOVQ  n+32(FP), R9
	MOVQ  ahead+40(FP), R10
	MOVQ  aheads+48(FP), R11
	MOVQ  first+56(FP), R12
	MOVQ  last+64(FP), R13
	ROWS(ROW1, fetch1, between1, rest1, done1)

// func sumRows2(h *packedBlock, words *uint64, stride int, rows *uint64, n int, ahead *uint64, aheads int, first *uint64, last int)
TEXT ·sumRows2(SB), NOSPLIT, $8-72
	MOVQ  h+0(FP), DI
	MOVQ  words+8(FP), SI
	MOVQ  stride+16(FP), DX
	MOVQ  rows+24(FP), R8
	MOVQ  n+32(FP), R9
	MOVQ  ahead+40(FP), R10
	MOVQ  aheads+48(FP), R11
	MOVQ  first+56(FP), R12
	MOVQ  last+64(FP), R13
	ROWS(ROW2, fetch2, between2, rest2, done2)

// func sidesAVX512(bins *uint8, left *codeSet, rows *uint64, n int, notes *uint8) (right int)
TEXT ·sidesAVX512(SB), NOSPLIT, $0-48
	MOVQ    bins+0(FP), SI
	MOVQ    left+8(FP), AX
	VMOVDQU (AX), Y10
	MOVQ    rows+16(FP), R8
	MOVQ    n+24(FP), CX
	MOVQ    notes+32(FP), R9
	MOVL    $-1, AX
	VPBROADCASTQ AX, Z11
	MOVL    $0xff, AX
	VPBROADCASTQ AX, Z12
	MOVL    $63, AX
	VPBROADCASTQ AX, Z13
	MOVL    $1, AX
	VPBROADCASTQ AX, Z14
	XORL    R10, R10

sides:
	VMOVDQU64  (R8), Z0
	VPANDQ     Z11, Z0, Z1
	KXNORB     K1, K1, K1
	VPXORQ     Z2, Z2, Z2
	VPGATHERQQ (SI)(Z1*1), K1, Z2
	VPANDQ     Z12, Z2, Z2
	VPSRLQ     $6, Z2, Z3
	VPERMQ     Z10, Z3, Z4
	VPANDQ     Z13, Z2, Z2
	VPSRLVQ    Z2, Z4, Z4
	VPTESTNMQ  Z14, Z4, K2
	KMOVB      K2, AX
	MOVB       AX, (R9)
	POPCNTL    AX, AX
	ADDQ       AX, R10
	ADDQ       $64, R8
	INCQ       R9
	SUBQ       $8, CX
	JNZ        sides
	MOVQ       R10, right+40(FP)
	VZEROUPPER
	RET

// func moveAVX512(rows *uint64, n int, notes *uint8, to *uint64, left, right int) (moved int)
TEXT ·moveAVX512(SB), NOSPLIT, $0-56
	MOVQ rows+0(FP), SI
	MOVQ n+8(FP), DX
	MOVQ notes+16(FP), R9
	MOVQ to+24(FP), DI
	MOVQ left+32(FP), R10
	MOVQ right+40(FP), R11
	LEAQ (DI)(R10*8), R10
	LEAQ (DI)(R11*8), R11
	MOVQ R11, R12

move:
	// To the right go CX of eight rows, those of K1.
	MOVBLZX     (R9), AX
	KMOVB       AX, K1
	KNOTB       K1, K2
	POPCNTL     AX, CX
	VMOVDQU64   (SI), Z0
	VPCOMPRESSQ Z0, K2, Z1
	VPCOMPRESSQ Z0, K1, Z2
	MOVL        $0xff, AX
	MOVL        AX, BX
	SHRL        CX, AX
	KMOVB       AX, K3
	SHLL        CX, BX
	NOTL        BX
	KMOVB       BX, K4
	VMOVDQU64   Z1, K3, (R10)
	VMOVDQU64   Z2, K4, (R11)
	LEAQ        (R11)(CX*8), R11
	NEGQ        CX
	LEAQ        64(R10)(CX*8), R10
	ADDQ        $64, SI
	INCQ        R9
	SUBQ        $8, DX
	JNZ         move
	SUBQ        R12, R11
	SHRQ        $3, R11
	MOVQ        R11, moved+48(FP)
	VZEROUPPER
	RET

// func logLossAVX512(margin, y *float64, n int, gradient, hessian *float64, exponential *[18]float64, most *[2][8]float64)
TEXT ·logLossAVX512(SB), NOSPLIT, $0-56
	MOVQ margin+0(FP), SI
	MOVQ y+8(FP), DI
	MOVQ n+16(FP), CX
	MOVQ gradient+24(FP), R8
	MOVQ hessian+32(FP), R9
	MOVQ exponential+40(FP), AX

	// Z14 is the sign, Z15 the bound, Z16 … Z18 the reduction, Z19 one, Z20 the
	// least hessian, Z21 … Z31 and 4, 5, 6 the series.
	MOVQ         $0x8000000000000000, BX
	VPBROADCASTQ BX, Z14
	VBROADCASTSD 0(AX), Z15
	VBROADCASTSD 8(AX), Z16
	VBROADCASTSD 16(AX), Z17
	VBROADCASTSD 24(AX), Z18
	VBROADCASTSD 136(AX), Z19
	MOVQ         $0x3c9cd2b297d889bc, BX // 1e-16
	VPBROADCASTQ BX, Z20
	VBROADCASTSD 32(AX), Z21
	VBROADCASTSD 40(AX), Z22
	VBROADCASTSD 48(AX), Z23
	VBROADCASTSD 56(AX), Z24
	VBROADCASTSD 64(AX), Z25
	VBROADCASTSD 72(AX), Z26
	VBROADCASTSD 80(AX), Z27
	VBROADCASTSD 88(AX), Z28
	VBROADCASTSD 96(AX), Z29
	VBROADCASTSD 104(AX), Z30
	VBROADCASTSD 112(AX), Z31
	VBROADCASTSD 120(AX), Z4
	VBROADCASTSD 128(AX), Z5
	VXORPD       Z12, Z12, Z12
	VXORPD       Z13, Z13, Z13

logloss:
	// x within the bounds; NaN stays.
	VPXORQ (SI), Z14, Z0
	VMINPD Z0, Z15, Z0
	VPXORQ Z14, Z15, Z1
	VMAXPD Z0, Z1, Z0

	VMULPD       Z16, Z0, Z1
	VRNDSCALEPD  $8, Z1, Z1
	VFMADD231PD  Z17, Z1, Z0
	VFMADD231PD  Z18, Z1, Z0
	VMOVAPD      Z21, Z2
	VFMADD213PD  Z22, Z0, Z2
	VFMADD213PD  Z23, Z0, Z2
	VFMADD213PD  Z24, Z0, Z2
	VFMADD213PD  Z25, Z0, Z2
	VFMADD213PD  Z26, Z0, Z2
	VFMADD213PD  Z27, Z0, Z2
	VFMADD213PD  Z28, Z0, Z2
	VFMADD213PD  Z29, Z0, Z2
	VFMADD213PD  Z30, Z0, Z2
	VFMADD213PD  Z31, Z0, Z2
	VFMADD213PD  Z4, Z0, Z2
	VFMADD213PD  Z5, Z0, Z2
	VFMADD213PD  Z19, Z0, Z2
	VSCALEFPD    Z1, Z2, Z2
	VADDPD       Z19, Z2, Z2
	VDIVPD       Z2, Z19, Z2 // p

	VSUBPD  (DI), Z2, Z3
	VMOVUPD Z3, (R8)
	VPANDNQ Z3, Z14, Z3
	VMAXPD  Z3, Z12, Z12
	VSUBPD  Z2, Z19, Z3
	VMULPD  Z3, Z2, Z3
	VMAXPD  Z3, Z20, Z3
	VMOVUPD Z3, (R9)
	VMAXPD  Z3, Z13, Z13
	ADDQ    $64, SI
	ADDQ    $64, DI
	ADDQ    $64, R8
	ADDQ    $64, R9
	SUBQ    $8, CX
	JNZ     logloss
	MOVQ    most+48(FP), AX
	VMOVUPD Z12, (AX)
	VMOVUPD Z13, 64(AX)
	VZEROUPPER
	RET

// func totalAVX512(rows *uint64, n int, gradient, hessian *float64, upG, upH float64, sums *[2][8]int64)
TEXT ·totalAVX512(SB), NOSPLIT, $0-56
	MOVQ         rows+0(FP), SI
	MOVQ         n+8(FP), CX
	MOVQ         gradient+16(FP), R8
	MOVQ         hessian+24(FP), R9
	VBROADCASTSD upG+32(FP), Z10
	VBROADCASTSD upH+40(FP), Z11
	MOVQ         sums+48(FP), DI
	MOVL         $-1, AX
	VPBROADCASTQ AX, Z12
	MOVQ         $0x3fe0000000000000, AX // 0.5
	VPBROADCASTQ AX, Z13
	VPXORQ       Z14, Z14, Z14
	VPXORQ       Z15, Z15, Z15

total:
	VPANDQ     (SI), Z12, Z0
	KXNORB     K1, K1, K1
	KXNORB     K2, K2, K2
	VPXORQ     Z1, Z1, Z1
	VPXORQ     Z2, Z2, Z2
	VGATHERQPD (R8)(Z0*8), K1, Z1
	VGATHERQPD (R9)(Z0*8), K2, Z2
	VMULPD     Z10, Z1, Z1
	VCVTTPD2QQ Z1, Z1
	VPADDQ     Z1, Z14, Z14
	VMULPD     Z11, Z2, Z2
	VADDPD     Z13, Z2, Z2
	VCVTTPD2QQ Z2, Z2
	VPADDQ     Z2, Z15, Z15
	ADDQ       $64, SI
	SUBQ       $8, CX
	JNZ        total
	VMOVDQU64  Z14, (DI)
	VMOVDQU64  Z15, 64(DI)
	VZEROUPPER
	RET
