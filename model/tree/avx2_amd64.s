//go:build !purego

#include "textflag.h"

// How many of the 8 doubles at A and B the value in Y0 exceeds (GT_OQ, false for
// NaN): N.
#define COUNT(A, B, N) \
	VCMPPD    $0x1e, A, Y0, Y1 \
	VCMPPD    $0x1e, B, Y0, Y2 \
	VMOVMSKPD Y1, N            \
	VMOVMSKPD Y2, R10          \
	SHLL      $4, R10          \
	ORL       R10, N           \
	POPCNTL   N, N

// One value of rank: AX is the rank. DI points at the pivots, which are in Y4 …
// Y7, the grid follows 128 bytes later.

// 8 pivots, stretches of 8.
#define RANK64(I) \
	VBROADCASTSD (8*I)(SI), Y0                    \
	COUNT(Y4, Y5, AX)                             \
	MOVL         AX, BX                           \
	SHLL         $6, BX                           \
	COUNT(128(DI)(BX*1), 160(DI)(BX*1), BX)       \
	LEAL         (BX)(AX*8), AX                   \
	MOVB         AX, I(R8)

// 16 pivots, stretches of 8.
#define RANK128(I) \
	VBROADCASTSD (8*I)(SI), Y0                    \
	COUNT(Y4, Y5, AX)                             \
	COUNT(Y6, Y7, BX)                             \
	ADDL         BX, AX                           \
	MOVL         AX, BX                           \
	SHLL         $6, BX                           \
	COUNT(128(DI)(BX*1), 160(DI)(BX*1), BX)       \
	LEAL         (BX)(AX*8), AX                   \
	MOVB         AX, I(R8)

// 16 pivots, stretches of 16.
#define RANK256(I) \
	VBROADCASTSD (8*I)(SI), Y0                    \
	COUNT(Y4, Y5, AX)                             \
	COUNT(Y6, Y7, BX)                             \
	ADDL         BX, AX                           \
	SHLL         $4, AX                           \
	COUNT(128(DI)(AX*8), 160(DI)(AX*8), BX)       \
	COUNT(192(DI)(AX*8), 224(DI)(AX*8), R11)      \
	ADDL         BX, AX                           \
	ADDL         R11, AX                          \
	MOVB         AX, I(R8)

#define EIGHT(ONE) \
	ONE(0) \
	ONE(1) \
	ONE(2) \
	ONE(3) \
	ONE(4) \
	ONE(5) \
	ONE(6) \
	ONE(7)

// Which of eight values are NaN (UNORD_Q), and on to the next eight.
#define MISSING(LOOP) \
	VMOVUPD   (SI), Y1       \
	VMOVUPD   32(SI), Y2     \
	VCMPPD    $3, Y1, Y1, Y1 \
	VCMPPD    $3, Y2, Y2, Y2 \
	VMOVMSKPD Y1, AX         \
	VMOVMSKPD Y2, BX         \
	SHLL      $4, BX         \
	ORL       BX, AX         \
	MOVB      AX, (R9)       \
	ADDQ      $64, SI        \
	ADDQ      $8, R8         \
	INCQ      R9             \
	DECQ      DX             \
	JNZ       LOOP

// func rankAVX2(values *[blockRows]float64, grid *float64, size, used int, ranks *[blockRows]uint8, missing *mask)
TEXT ·rankAVX2(SB), NOSPLIT, $0-48
	MOVQ    values+0(FP), SI
	MOVQ    grid+8(FP), DI
	MOVQ    size+16(FP), CX
	MOVQ    used+24(FP), DX
	MOVQ    ranks+32(FP), R8
	MOVQ    missing+40(FP), R9
	SHLQ    $3, DX              // eights
	VMOVUPD (DI), Y4
	VMOVUPD 32(DI), Y5
	VMOVUPD 64(DI), Y6
	VMOVUPD 96(DI), Y7
	CMPQ    CX, $128
	JEQ     rank128
	JGT     rank256

rank64:
	EIGHT(RANK64)
	MISSING(rank64)
	VZEROUPPER
	RET

rank128:
	EIGHT(RANK128)
	MISSING(rank128)
	VZEROUPPER
	RET

rank256:
	EIGHT(RANK256)
	MISSING(rank256)
	VZEROUPPER
	RET

// 32 rows: a rank is at least that in Y15 where their larger one is itself.
#define EXCEED(I) \
	VMOVDQU   (32*I)(SI), Y0 \
	VPMAXUB   Y15, Y0, Y1    \
	VPCMPEQB  Y0, Y1, Y1     \
	VPMOVMSKB Y1, AX         \
	ORL       (4*I)(DI), AX  \
	MOVL      AX, (4*I)(R8)

// func exceedAVX2(ranks *[blockRows]uint8, always *mask, above *uint8, n int, conditions *mask)
TEXT ·exceedAVX2(SB), NOSPLIT, $0-40
	MOVQ     ranks+0(FP), SI
	MOVQ     always+8(FP), DI
	MOVQ     above+16(FP), DX
	MOVQ     n+24(FP), CX
	MOVQ     conditions+32(FP), R8
	VPCMPEQB Y14, Y14, Y14          // −1 in each byte

exceed:
	VPBROADCASTB (DX), Y15
	VPSUBB       Y14, Y15, Y15
	EIGHT(EXCEED)
	EXCEED(8)
	EXCEED(9)
	EXCEED(10)
	EXCEED(11)
	EXCEED(12)
	EXCEED(13)
	EXCEED(14)
	EXCEED(15)
	INCQ         DX
	ADDQ         $64, R8
	DECQ         CX
	JNZ          exceed
	VZEROUPPER
	RET

// Bit B, in each byte of C, of the numbers of 32 rows' leaves, from plane B to
// Y0: the plane's four bytes are spread over eight bytes each (Y6), of which each
// keeps its own bit (Y7).
#define PLANE(B, C) \
	VPBROADCASTD (64*B)(SP)(R10*4), Y1 \
	VPSHUFB      Y6, Y1, Y1            \
	VPAND        Y7, Y1, Y1            \
	VPCMPEQB     Y7, Y1, Y1            \
	VPAND        C, Y1, Y1             \
	VPOR         Y1, Y0, Y0

// Values of 4 rows. Loads of their own cost no more than a gather, which several
// processors have slowed down for safety.
#define FOUR(G) \
	MOVBLZX     (512+4*G)(SP), AX     \
	MOVBLZX     (513+4*G)(SP), BX     \
	MOVBLZX     (514+4*G)(SP), SI     \
	MOVBLZX     (515+4*G)(SP), DI     \
	VMOVSD      (R11)(AX*8), X1       \
	VMOVSD      (R11)(SI*8), X2       \
	VMOVHPD     (R11)(BX*8), X1, X1   \
	VMOVHPD     (R11)(DI*8), X2, X2   \
	VINSERTF128 $1, X2, Y1, Y1        \
	VADDPD      (32*G)(R9), Y1, Y1    \
	VMOVUPD     Y1, (32*G)(R9)

DATA bitOfByte<>+0(SB)/8, $0x8040201008040201
GLOBL bitOfByte<>(SB), RODATA|NOPTR, $8

DATA eightTimes<>+0(SB)/8, $0x0000000000000000
DATA eightTimes<>+8(SB)/8, $0x0101010101010101
DATA eightTimes<>+16(SB)/8, $0x0202020202020202
DATA eightTimes<>+24(SB)/8, $0x0303030303030303
GLOBL eightTimes<>(SB), RODATA|NOPTR, $32

// func addAVX2(steps *step, nodes int, value *float64, size, leaves int, conditions, slots *mask, used int, sums *[blockRows]float64)
TEXT ·addAVX2(SB), 0, $544-72
	MOVQ steps+0(FP), SI
	MOVQ nodes+8(FP), CX
	MOVQ value+16(FP), R11
	MOVQ size+24(FP), DX
	MOVQ leaves+32(FP), AX
	MOVQ conditions+40(FP), DI
	MOVQ slots+48(FP), R8
	MOVQ sums+64(FP), R9

	// Slots without a leaf are empty.
	VPXOR Y0, Y0, Y0
	MOVQ  DX, BX
	SUBQ  AX, BX
	JZ    nodes
	SHLQ  $6, AX
	ADDQ  R8, AX

empty:
	VMOVDQU Y0, (AX)
	VMOVDQU Y0, 32(AX)
	ADDQ    $64, AX
	DECQ    BX
	JNZ     empty

nodes:
	MOVQ     DX, R10
	SHLQ     $6, R10
	ADDQ     R8, R10         // the slot of the node
	VPCMPEQB Y1, Y1, Y1
	VMOVDQU  Y1, (R10)
	VMOVDQU  Y1, 32(R10)

node:
	MOVQ    (SI), AX              // condition, left and right
	MOVL    AX, BX
	SHLQ    $6, BX
	VMOVDQU (R10), Y0
	VMOVDQU 32(R10), Y1
	VPAND   (DI)(BX*1), Y0, Y2    // here and right
	VPAND   32(DI)(BX*1), Y1, Y3
	VPXOR   Y2, Y0, Y0            // here and not right
	VPXOR   Y3, Y1, Y1
	SHRQ    $32, AX
	MOVWLZX AX, BX
	SHRL    $16, AX
	SHLL    $6, BX
	SHLL    $6, AX
	VMOVDQU Y0, (R8)(BX*1)
	VMOVDQU Y1, 32(R8)(BX*1)
	VMOVDQU Y2, (R8)(AX*1)
	VMOVDQU Y3, 32(R8)(AX*1)
	ADDQ    $8, SI
	ADDQ    $64, R10
	DECQ    CX
	JNZ     node

	// Fold pairs of slots: plane 0 has the rows at odd leaves, then at odd pairs …
	MOVQ DX, CX
	XORL DI, DI                   // the plane

plane:
	SHRQ  $1, CX
	JZ    folded
	MOVQ  R8, SI                  // from
	MOVQ  R8, R10                 // to
	MOVQ  CX, BX
	VPXOR Y0, Y0, Y0
	VPXOR Y1, Y1, Y1

fold:
	VMOVDQU 64(SI), Y2
	VMOVDQU 96(SI), Y3
	VPOR    Y2, Y0, Y0
	VPOR    Y3, Y1, Y1
	VPOR    (SI), Y2, Y2
	VPOR    32(SI), Y3, Y3
	VMOVDQU Y2, (R10)
	VMOVDQU Y3, 32(R10)
	ADDQ    $128, SI
	ADDQ    $64, R10
	DECQ    BX
	JNZ     fold
	MOVQ    DI, AX
	SHLQ    $6, AX
	VMOVDQU Y0, (SP)(AX*1)
	VMOVDQU Y1, 32(SP)(AX*1)
	INCQ    DI
	JMP     plane

	// Planes that the fold did not reach are empty.
folded:
	VPXOR Y0, Y0, Y0

rest:
	CMPQ    DI, $8
	JGE     ready
	MOVQ    DI, AX
	SHLQ    $6, AX
	VMOVDQU Y0, (SP)(AX*1)
	VMOVDQU Y0, 32(SP)(AX*1)
	INCQ    DI
	JMP     rest

ready:
	VMOVDQU      eightTimes<>(SB), Y6
	VPBROADCASTQ bitOfByte<>(SB), Y7
	VPBROADCASTB bitOfByte<>+0(SB), Y8
	VPBROADCASTB bitOfByte<>+1(SB), Y9
	VPBROADCASTB bitOfByte<>+2(SB), Y10
	VPBROADCASTB bitOfByte<>+3(SB), Y11
	VPBROADCASTB bitOfByte<>+4(SB), Y12
	VPBROADCASTB bitOfByte<>+5(SB), Y13
	VPBROADCASTB bitOfByte<>+6(SB), Y14
	VPBROADCASTB bitOfByte<>+7(SB), Y15
	MOVQ         used+56(FP), CX
	SHLQ         $1, CX
	XORL         R10, R10         // half a word

half:
	VPXOR   Y0, Y0, Y0
	PLANE(0, Y8)
	PLANE(1, Y9)
	PLANE(2, Y10)
	PLANE(3, Y11)
	PLANE(4, Y12)
	CMPQ    DX, $32
	JEQ     numbered
	PLANE(5, Y13)
	PLANE(6, Y14)
	PLANE(7, Y15)

numbered:
	VMOVDQU Y0, 512(SP)
	EIGHT(FOUR)
	ADDQ    $256, R9
	INCQ    R10
	CMPQ    R10, CX
	JLT     half
	VZEROUPPER
	RET
