//go:build !purego

#include "textflag.h"

// func eightPointsAVX512(r *eight, v float64, z, c, work, to *float64, n int)
//
// Z0 has the points, Z1 the products so far, one per point. Multiplication and
// addition stay apart, as in the portable twin.
TEXT ·eightPointsAVX512(SB), NOSPLIT, $0-56
	MOVQ r+0(FP), AX
	MOVQ z+16(FP), SI
	MOVQ c+24(FP), DI
	MOVQ work+32(FP), R8
	MOVQ to+40(FP), R9
	MOVQ n+48(FP), CX
	VMOVUPD (AX), Z0
	VBROADCASTSD v+8(FP), Z1
	VMULPD 64(AX), Z1, Z1
	XORQ DX, DX

forward:
	VMOVUPD Z1, (R8)
	VBROADCASTSD (DI)(DX*8), Z2
	VMULPD Z0, Z2, Z2
	VBROADCASTSD (SI)(DX*8), Z3
	VADDPD Z3, Z2, Z2
	VMULPD Z2, Z1, Z1
	ADDQ $64, R8
	INCQ DX
	CMPQ DX, CX
	JLT  forward

	// Z1 has the products from behind.
	MOVQ $0x3ff0000000000000, AX
	VMOVQ AX, X1 // MOVQ would wait for the upper halves: five times slower
	VBROADCASTSD X1, Z1

backward:
	SUBQ $64, R8
	DECQ DX
	VMULPD (R8), Z1, Z4
	VMOVSD (DI)(DX*8), X6
	VBROADCASTSD X6, Z2
	VMULPD Z0, Z2, Z2
	VBROADCASTSD (SI)(DX*8), Z3
	VADDPD Z3, Z2, Z2
	VMULPD Z2, Z1, Z1
	VEXTRACTF64X4 $1, Z4, Y5
	VADDPD Y5, Y4, Y4
	VEXTRACTF128 $1, Y4, X5
	VADDPD X5, X4, X4
	VUNPCKHPD X4, X4, X5
	VADDSD X5, X4, X4
	VMULSD X6, X4, X4
	VADDSD (R9)(DX*8), X4, X4
	VMOVSD X4, (R9)(DX*8)
	TESTQ DX, DX
	JNZ  backward
	VZEROUPPER
	RET
