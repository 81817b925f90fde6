//go:build !purego

#include "textflag.h"

// One value of rank: X is broadcast, compared with the pivots and with one
// stretch of the grid; AX is the rank. The comparison is GT_OQ, false for NaN.
// DI points at the pivots, the grid follows 128 bytes later.

// 8 pivots (Z4), stretches of 8.
#define RANK64(I) \
	VBROADCASTSD (8*I)(SI), Z0                \
	VCMPPD       $0x1e, Z4, Z0, K1            \
	KMOVB        K1, AX                       \
	POPCNTL      AX, AX                       \
	MOVL         AX, BX                       \
	SHLL         $6, BX                       \
	VCMPPD       $0x1e, 128(DI)(BX*1), Z0, K2 \
	KMOVB        K2, BX                       \
	POPCNTL      BX, BX                       \
	LEAL         (BX)(AX*8), AX               \
	MOVB         AX, I(R8)

// 16 pivots (Z4, Z5), stretches of 8.
#define RANK128(I) \
	VBROADCASTSD (8*I)(SI), Z0                \
	VCMPPD       $0x1e, Z4, Z0, K1            \
	VCMPPD       $0x1e, Z5, Z0, K2            \
	KMOVB        K1, AX                       \
	KMOVB        K2, R10                      \
	POPCNTL      AX, AX                       \
	POPCNTL      R10, R10                     \
	ADDL         R10, AX                      \
	MOVL         AX, BX                       \
	SHLL         $6, BX                       \
	VCMPPD       $0x1e, 128(DI)(BX*1), Z0, K1 \
	KMOVB        K1, BX                       \
	POPCNTL      BX, BX                       \
	LEAL         (BX)(AX*8), AX               \
	MOVB         AX, I(R8)

// 16 pivots, stretches of 16.
#define RANK256(I) \
	VBROADCASTSD (8*I)(SI), Z0                \
	VCMPPD       $0x1e, Z4, Z0, K1            \
	VCMPPD       $0x1e, Z5, Z0, K2            \
	KMOVB        K1, AX                       \
	KMOVB        K2, R10                      \
	POPCNTL      AX, AX                       \
	POPCNTL      R10, R10                     \
	ADDL         R10, AX                      \
	SHLL         $4, AX                       \
	VCMPPD       $0x1e, 128(DI)(AX*8), Z0, K1 \
	VCMPPD       $0x1e, 192(DI)(AX*8), Z0, K2 \
	KMOVB        K1, BX                       \
	KMOVB        K2, R10                      \
	POPCNTL      BX, BX                       \
	POPCNTL      R10, R10                     \
	ADDL         BX, AX                       \
	ADDL         R10, AX                      \
	MOVB         AX, I(R8)

#define EIGHT(RANK) \
	RANK(0) \
	RANK(1) \
	RANK(2) \
	RANK(3) \
	RANK(4) \
	RANK(5) \
	RANK(6) \
	RANK(7)

// Which of eight values are NaN (UNORD_Q), and on to the next eight.
#define MISSING(LOOP) \
	VMOVUPD (SI), Z1         \
	VCMPPD  $3, Z1, Z1, K3   \
	KMOVB   K3, AX           \
	MOVB    AX, (R9)         \
	ADDQ    $64, SI          \
	ADDQ    $8, R8           \
	INCQ    R9               \
	DECQ    DX               \
	JNZ     LOOP

// func rankAVX512(values *[blockRows]float64, grid *float64, size, used int, ranks *[blockRows]uint8, missing *mask)
TEXT ·rankAVX512(SB), NOSPLIT, $0-48
	MOVQ    values+0(FP), SI
	MOVQ    grid+8(FP), DI
	MOVQ    size+16(FP), CX
	MOVQ    used+24(FP), DX
	MOVQ    ranks+32(FP), R8
	MOVQ    missing+40(FP), R9
	SHLQ    $3, DX            // eights
	VMOVUPD (DI), Z4
	VMOVUPD 64(DI), Z5
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

// Ranks of 64 rows; those of ALWAYS exceed everything.
#define RANKS(W, Z) \
	VMOVDQU64 (64*W)(SI), Z  \
	KMOVQ     (8*W)(DI), K1  \
	VMOVDQU8  Z31, K1, Z

#define EXCEED(W, Z) \
	VPCMPUB $6, Z8, Z, K1 \
	KMOVQ   K1, (8*W)(R8)

// func exceedAVX512(ranks *[blockRows]uint8, always *mask, above *uint8, n int, conditions *mask)
TEXT ·exceedAVX512(SB), NOSPLIT, $0-40
	MOVQ       ranks+0(FP), SI
	MOVQ       always+8(FP), DI
	MOVQ       above+16(FP), DX
	MOVQ       n+24(FP), CX
	MOVQ       conditions+32(FP), R8
	VPTERNLOGD $0xff, Z31, Z31, Z31
	RANKS(0, Z0)
	RANKS(1, Z1)
	RANKS(2, Z2)
	RANKS(3, Z3)
	RANKS(4, Z4)
	RANKS(5, Z5)
	RANKS(6, Z6)
	RANKS(7, Z7)

exceed:
	VPBROADCASTB (DX), Z8
	EXCEED(0, Z0)
	EXCEED(1, Z1)
	EXCEED(2, Z2)
	EXCEED(3, Z3)
	EXCEED(4, Z4)
	EXCEED(5, Z5)
	EXCEED(6, Z6)
	EXCEED(7, Z7)
	INCQ         DX
	ADDQ         $64, R8
	DECQ         CX
	JNZ          exceed
	VZEROUPPER
	RET

// Bit B of the numbers of 64 rows' leaves, from plane B to Z0.
#define PLANE(B, Z) \
	KMOVQ  (64*B)(SP)(R10*8), K1 \
	VPADDB Z, Z0, K1, Z0

// Values of 8 rows out of 32 leaves (Z16 … Z19) by two lookups in 16.
#define LOOKUP(G) \
	VPMOVZXBQ (512+8*G)(SP), Z1     \
	VPTESTMQ  Z15, Z1, K1           \
	VMOVDQA64 Z1, Z2                \
	VPERMI2PD Z17, Z16, Z1          \
	VPERMI2PD Z19, Z18, Z2          \
	VMOVAPD   Z2, K1, Z1            \
	VADDPD    (64*G)(R9), Z1, Z1    \
	VMOVUPD   Z1, (64*G)(R9)

// Values of 8 rows out of memory.
#define GATHER(G) \
	VPMOVZXBD  (512+8*G)(SP), Y1      \
	KXNORB     K1, K1, K1             \
	VPXORQ     Z2, Z2, Z2             \
	VGATHERDPD (R11)(Y1*8), K1, Z2    \
	VADDPD     (64*G)(R9), Z2, Z2     \
	VMOVUPD    Z2, (64*G)(R9)

#define EIGHTGROUPS(GROUP) \
	GROUP(0) \
	GROUP(1) \
	GROUP(2) \
	GROUP(3) \
	GROUP(4) \
	GROUP(5) \
	GROUP(6) \
	GROUP(7)

DATA bitsOfByte<>+0(SB)/8, $0x8040201008040201
GLOBL bitsOfByte<>(SB), RODATA|NOPTR, $8

// func addAVX512(steps *step, nodes int, value *float64, size, leaves int, conditions, slots *mask, used int, sums *[blockRows]float64)
TEXT ·addAVX512(SB), 0, $576-72
	MOVQ steps+0(FP), SI
	MOVQ nodes+8(FP), CX
	MOVQ value+16(FP), R11
	MOVQ size+24(FP), DX
	MOVQ leaves+32(FP), AX
	MOVQ conditions+40(FP), DI
	MOVQ slots+48(FP), R8
	MOVQ sums+64(FP), R9

	// Slots without a leaf are empty.
	MOVQ   DX, BX
	SUBQ   AX, BX
	JZ     nodes
	SHLQ   $6, AX
	ADDQ   R8, AX
	VPXORQ Z0, Z0, Z0

empty:
	VMOVDQU64 Z0, (AX)
	ADDQ      $64, AX
	DECQ      BX
	JNZ       empty

nodes:
	MOVQ       DX, R10
	SHLQ       $6, R10
	ADDQ       R8, R10             // the slot of the node
	VPTERNLOGD $0xff, Z0, Z0, Z0
	VMOVDQU64  Z0, (R10)

node:
	MOVQ      (SI), AX              // condition, left and right
	MOVL      AX, BX
	SHLQ      $6, BX
	VMOVDQU64 (R10), Z0
	VPANDQ    (DI)(BX*1), Z0, Z1    // here and right
	VPXORQ    Z1, Z0, Z2            // here and not right
	SHRQ      $32, AX
	MOVWLZX   AX, BX
	SHRL      $16, AX
	SHLL      $6, BX
	SHLL      $6, AX
	VMOVDQU64 Z2, (R8)(BX*1)
	VMOVDQU64 Z1, (R8)(AX*1)
	ADDQ      $8, SI
	ADDQ      $64, R10
	DECQ      CX
	JNZ       node

	// Fold pairs of slots: plane 0 has the rows at odd leaves, then at odd pairs …
	MOVQ DX, CX
	XORL DI, DI                     // the plane

plane:
	SHRQ   $1, CX
	JZ     folded
	MOVQ   R8, SI                   // from
	MOVQ   R8, R10                  // to
	MOVQ   CX, BX
	VPXORQ Z0, Z0, Z0

fold:
	VMOVDQU64 64(SI), Z1
	VPORQ     Z1, Z0, Z0
	VPORQ     (SI), Z1, Z1
	VMOVDQU64 Z1, (R10)
	ADDQ      $128, SI
	ADDQ      $64, R10
	DECQ      BX
	JNZ       fold
	MOVQ      DI, AX
	SHLQ      $6, AX
	VMOVDQU64 Z0, (SP)(AX*1)
	INCQ      DI
	JMP       plane

folded:
	VPBROADCASTB bitsOfByte<>+0(SB), Z24
	VPBROADCASTB bitsOfByte<>+1(SB), Z25
	VPBROADCASTB bitsOfByte<>+2(SB), Z26
	VPBROADCASTB bitsOfByte<>+3(SB), Z27
	VPBROADCASTB bitsOfByte<>+4(SB), Z28
	VPBROADCASTB bitsOfByte<>+5(SB), Z29
	VPBROADCASTB bitsOfByte<>+6(SB), Z30
	VPBROADCASTB bitsOfByte<>+7(SB), Z31
	MOVQ         used+56(FP), CX
	XORL         R10, R10           // the word
	CMPQ         DX, $32
	JNE          large
	VMOVUPD      (R11), Z16
	VMOVUPD      64(R11), Z17
	VMOVUPD      128(R11), Z18
	VMOVUPD      192(R11), Z19
	MOVL         $16, AX
	VPBROADCASTQ AX, Z15

lookup:
	VPXORQ    Z0, Z0, Z0
	PLANE(0, Z24)
	PLANE(1, Z25)
	PLANE(2, Z26)
	PLANE(3, Z27)
	PLANE(4, Z28)
	VMOVDQU64 Z0, 512(SP)
	EIGHTGROUPS(LOOKUP)
	ADDQ      $512, R9
	INCQ      R10
	CMPQ      R10, CX
	JLT       lookup
	VZEROUPPER
	RET

large:
	// Planes that the fold did not reach are empty.
	VPXORQ Z0, Z0, Z0

rest:
	CMPQ      DI, $8
	JGE       gather
	MOVQ      DI, AX
	SHLQ      $6, AX
	VMOVDQU64 Z0, (SP)(AX*1)
	INCQ      DI
	JMP       rest

gather:
	VPXORQ    Z0, Z0, Z0
	PLANE(0, Z24)
	PLANE(1, Z25)
	PLANE(2, Z26)
	PLANE(3, Z27)
	PLANE(4, Z28)
	PLANE(5, Z29)
	PLANE(6, Z30)
	PLANE(7, Z31)
	VMOVDQU64 Z0, 512(SP)
	EIGHTGROUPS(GATHER)
	ADDQ      $512, R9
	INCQ      R10
	CMPQ      R10, CX
	JLT       gather
	VZEROUPPER
	RET

// func memberAVX512(set *uint32, length int, codes *[blockRows]uint16, rows *mask)
TEXT ·memberAVX512(SB), NOSPLIT, $0-32
	MOVQ         set+0(FP), SI
	MOVQ         length+8(FP), CX
	MOVQ         codes+16(FP), DI
	MOVQ         rows+24(FP), R8
	MOVL         $15, AX
	VPBROADCASTW AX, Z12
	MOVL         $1, AX
	VPBROADCASTW AX, Z13
	VPXORQ       Z14, Z14, Z14        // the number of the stretch
	MOVL         $32, DX

	// A stretch of 1024 codes: 64 words of 16 bits in two registers.
stretch:
	MOVQ        CX, BX
	CMPQ        BX, DX
	CMOVQGT     DX, BX
	MOVQ        $-1, AX
	BZHIQ       BX, AX, AX
	KMOVW       AX, K1
	SHRQ        $16, AX
	KMOVW       AX, K2
	VMOVDQU32.Z (SI), K1, Z8
	VMOVDQU32.Z 64(SI), K2, Z9
	XORL        R9, R9                // rows / 32

	// 32 rows: the word of the code, moved so that its bit is the lowest.
row:
	MOVQ      R9, AX
	SHLQ      $6, AX
	VMOVDQU64 (DI)(AX*1), Z0
	VPSRLW    $4, Z0, Z1
	VPERMI2W  Z9, Z8, Z1
	VPANDQ    Z12, Z0, Z2
	VPSRLVW   Z2, Z1, Z1
	VPSRLW    $10, Z0, Z3
	VPCMPEQW  Z14, Z3, K1
	VPTESTMW  Z13, Z1, K1, K2
	KMOVD     K2, AX
	ORL       AX, (R8)(R9*4)
	INCQ      R9
	CMPQ      R9, $16
	JLT       row
	ADDQ      $128, SI
	VPADDW    Z13, Z14, Z14
	SUBQ      DX, CX
	JGT       stretch
	VZEROUPPER
	RET
