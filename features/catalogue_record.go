package features

import "fealty/features/frame"

// delivery is whether goods came as promised, and why they were sent back.
func delivery() []Feature {
	return []Feature{
		{File: Delivery, Part: Deliveries, Kind: Measured, Meta: frame.Meta{
			Name: "late_delivery_share_90d", Unit: "share", Group: "service", Factor: Service, Direction: frame.Raises, Actionable: true,
			LabelEN: "Share of late deliveries in the last 90 days", LabelZH: "近90天延迟交付占比",
			ReasonEN: []string{"{late_delivery_share_90d} of the lines promised for the last 90 days came late or are still missing"},
			ReasonZH: []string{"承诺近90天交付的订单行中有{late_delivery_share_90d}延迟或仍未交付"},
		}},
		{File: Delivery, Part: Deliveries, Kind: Measured, Meta: frame.Meta{
			Name: "late_delivery_share_365d", Unit: "share", Group: "service", Factor: Service, Direction: frame.Raises, Actionable: true,
			LabelEN: "Share of late deliveries in the last 365 days", LabelZH: "近365天延迟交付占比",
			ReasonEN: []string{"{late_delivery_share_365d} of the lines promised for the last 365 days came late or are still missing"},
			ReasonZH: []string{"承诺近365天交付的订单行中有{late_delivery_share_365d}延迟或仍未交付"},
		}},
		{File: Delivery, Part: Deliveries, Kind: Measured, Meta: frame.Meta{
			Name: "days_late_mean_365d", Unit: "days", Group: "service", Factor: Service, Direction: frame.Raises, Actionable: true,
			LabelEN: "Mean days late of late deliveries", LabelZH: "延迟交付的平均延迟天数",
			ReasonEN: []string{"Late deliveries of the last 365 days were {days_late_mean_365d} days late on average"},
			ReasonZH: []string{"近365天的延迟交付平均晚{days_late_mean_365d}天"},
		}},
		{File: Delivery, Part: Deliveries, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "deliveries_overdue", Unit: "order lines", Group: "service", Factor: Service, Direction: frame.Raises, Actionable: true,
			LabelEN: "Order lines overdue for delivery", LabelZH: "逾期未交付的订单行数",
			ReasonEN: []string{"Order lines promised earlier and not yet delivered: {deliveries_overdue}"},
			ReasonZH: []string{"已过承诺日期仍未交付的订单行数：{deliveries_overdue}"},
		}},
		{File: Delivery, Part: Deliveries, Kind: Measured, Meta: frame.Meta{
			Name: "delivery_days_mean_365d", Unit: "days", Group: "service", Factor: Service, Direction: frame.Raises, Actionable: true,
			LabelEN: "Mean days from order to delivery", LabelZH: "从下单到交付的平均天数",
			ReasonEN: []string{"From order to delivery it took {delivery_days_mean_365d} days on average in the last 365 days"},
			ReasonZH: []string{"近365天从下单到交付平均{delivery_days_mean_365d}天"},
		}},
		{File: Delivery, Part: ReturnReasons, Kind: Measured, Meta: frame.Meta{
			Name: "returns_quality_share_365d", Unit: "share", Group: "service", Factor: Quality, Direction: frame.Raises, Actionable: true,
			LabelEN: "Share of returns for quality", LabelZH: "因质量退货占比",
			ReasonEN: []string{"{returns_quality_share_365d} of what came back in the last 365 days came back for its quality"},
			ReasonZH: []string{"近365天退货中有{returns_quality_share_365d}因质量问题"},
		}},
		{File: Delivery, Part: ReturnReasons, Kind: Measured, Meta: frame.Meta{
			Name: "returns_service_share_365d", Unit: "share", Group: "service", Factor: Service, Direction: frame.Raises, Actionable: true,
			LabelEN: "Share of returns for service", LabelZH: "因服务退货占比",
			ReasonEN: []string{"{returns_service_share_365d} of what came back in the last 365 days came back for the service"},
			ReasonZH: []string{"近365天退货中有{returns_service_share_365d}因服务问题"},
		}},
		{File: Delivery, Part: ReturnReasons, Kind: Measured, Meta: frame.Meta{
			Name: "returns_other_share_365d", Unit: "share", Group: "service", Factor: Risk, Direction: frame.Unknown,
			LabelEN: "Share of returns for other reasons", LabelZH: "因其他原因退货占比",
			ReasonEN: []string{"{returns_other_share_365d} of what came back in the last 365 days came back for other reasons than quality and service"},
			ReasonZH: []string{"近365天退货中有{returns_other_share_365d}因质量和服务以外的原因"},
		}},
	}
}

// price is what the account pays against the list, and where the list goes.
func price() []Feature {
	return []Feature{
		{File: Prices, Part: Promotions, Kind: Measured, Meta: frame.Meta{
			Name: "promotion_share_90d", Unit: "share", Group: "price", Factor: Price, Direction: frame.Unknown, Actionable: true,
			LabelEN: "Share of purchases on promotion in the last 90 days", LabelZH: "近90天促销购买占比",
			ReasonEN: []string{"{promotion_share_90d} of what was bought in the last 90 days was on promotion; in the last 365 days: {promotion_share_365d}"},
			ReasonZH: []string{"近90天购买额中促销占{promotion_share_90d}；近365天：{promotion_share_365d}"},
		}},
		{File: Prices, Part: Promotions, Kind: Measured, Meta: frame.Meta{
			Name: "promotion_share_365d", Unit: "share", Group: "price", Factor: Price, Direction: frame.Unknown, Actionable: true,
			LabelEN: "Share of purchases on promotion in the last 365 days", LabelZH: "近365天促销购买占比",
			ReasonEN: []string{"{promotion_share_365d} of what was bought in the last 365 days was on promotion"},
			ReasonZH: []string{"近365天购买额中促销占{promotion_share_365d}"},
		}},
		{File: Prices, Part: ListPrices, Kind: Measured, Meta: frame.Meta{
			Name: "list_discount_share_90d", Unit: "share", Group: "price", Factor: Price, Direction: frame.Unknown, Actionable: true,
			LabelEN: "Discount from list price in the last 90 days", LabelZH: "近90天相对标价的折扣率",
			ReasonEN: []string{"Paid below list price in the last 90 days: {list_discount_share_90d}; in the last 365 days: {list_discount_share_365d}"},
			ReasonZH: []string{"近90天低于标价{list_discount_share_90d}；近365天：{list_discount_share_365d}"},
		}},
		{File: Prices, Part: ListPrices, Kind: Measured, Meta: frame.Meta{
			Name: "list_discount_share_365d", Unit: "share", Group: "price", Factor: Price, Direction: frame.Unknown, Actionable: true,
			LabelEN: "Discount from list price in the last 365 days", LabelZH: "近365天相对标价的折扣率",
			ReasonEN: []string{"Paid below list price in the last 365 days: {list_discount_share_365d}"},
			ReasonZH: []string{"近365天低于标价{list_discount_share_365d}"},
		}},
		{File: Prices, Part: ListPrices, Kind: Measured, Meta: frame.Meta{
			Name: "list_price_change_365d", Unit: "share of the price", Group: "price", Factor: Price, Direction: frame.Raises, Actionable: true,
			LabelEN: "Move of the list prices of what is bought", LabelZH: "所购商品标价变动",
			ReasonEN: []string{"List prices of the goods bought in the last 365 days moved by {list_price_change_365d} of the price"},
			ReasonZH: []string{"近365天所购商品的标价变动幅度：{list_price_change_365d}"},
		}},
	}
}
